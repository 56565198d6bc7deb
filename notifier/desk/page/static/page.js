// The frame: which views there are, in the chosen language. A language change makes a new frame from the same state.
import { makeBanner } from "./banner.js";
import { makeDetail } from "./detail.js";
import { h, say } from "./dom.js";
import { makeHeader } from "./header.js";
import { makeList } from "./list.js";
import { makeSignIn } from "./sign_in.js";
const COMPLAINT_MS = 15_000;
export function makePage(words, handlers) {
    const header = makeHeader(words, handlers);
    const banner = makeBanner(words);
    const signIn = makeSignIn(words, () => handlers.signedIn());
    const list = makeList(words, (id) => handlers.accept(id));
    const detail = makeDetail(words, handlers);
    const spoken = h("p", { class: "visually-hidden", "aria-live": "polite", "data-testid": "announcer" });
    const notice = h("p", { class: "notice", role: "alert", "data-testid": "notice" });
    const skip = h("a", { class: "skip", href: "#main" }, words.skip);
    const main = h("main", { id: "main", tabindex: "-1" }, signIn.node, list.node, detail.node);
    skip.addEventListener("click", (event) => {
        // The hash says which case is open; a plain jump would close it.
        event.preventDefault();
        main.focus();
    });
    document.documentElement.lang = words.tag;
    document.body.replaceChildren(skip, h("div", { class: "top" }, header.node, banner.node, notice), main, spoken);
    const frame = (shown) => {
        signIn.node.hidden = !shown.signIn;
        list.node.hidden = detail.node.hidden = shown.signIn;
        main.dataset["view"] = shown.signIn ? "sign-in" : shown.detail ? "detail" : "list";
    };
    const complain = (text) => {
        say(notice, text);
        window.setTimeout(() => notice.textContent === text && say(notice, ""), COMPLAINT_MS);
    };
    return { words, header, banner, signIn, list, detail, frame, complain, announce: (text) => say(spoken, text) };
}
