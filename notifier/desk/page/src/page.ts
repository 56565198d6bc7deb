// The frame: which views there are, in the chosen language. A language change makes a new frame from the same state.

import { makeBanner, type Banner } from "./banner.js";
import { makeDetail, type DetailHandlers, type DetailView } from "./detail.js";
import { h, say } from "./dom.js";
import { makeHeader, type HeaderHandlers, type HeaderView } from "./header.js";
import { makeList, type ListView } from "./list.js";
import { makeSignIn, type SignInView } from "./sign_in.js";
import type { Words } from "./words.js";

export interface Page {
  readonly words: Words;
  readonly header: HeaderView;
  readonly banner: Banner;
  readonly signIn: SignInView;
  readonly list: ListView;
  readonly detail: DetailView;
  frame(shown: { signIn: boolean; detail: boolean }): void;
  announce(text: string): void;
  /** For what went wrong outside of the case in front. */
  complain(text: string): void;
}

export interface PageHandlers extends HeaderHandlers, DetailHandlers {
  signedIn(): void;
  accept(id: string): void;
}

const COMPLAINT_MS = 15_000;

export function makePage(words: Words, handlers: PageHandlers): Page {
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

  const frame = (shown: { signIn: boolean; detail: boolean }): void => {
    signIn.node.hidden = !shown.signIn;
    list.node.hidden = detail.node.hidden = shown.signIn;
    main.dataset["view"] = shown.signIn ? "sign-in" : shown.detail ? "detail" : "list";
  };
  const complain = (text: string): void => {
    say(notice, text);
    window.setTimeout(() => notice.textContent === text && say(notice, ""), COMPLAINT_MS);
  };
  return { words, header, banner, signIn, list, detail, frame, complain, announce: (text) => say(spoken, text) };
}
