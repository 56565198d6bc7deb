import { ApiError, signIn } from "./api.js";
import { h, say, set } from "./dom.js";
import { reason } from "./words.js";
export function makeSignIn(words, signedIn) {
    const lead = h("p", {}, words.signInLead);
    const token = h("input", { id: "token", type: "password", autocomplete: "current-password", required: true });
    set(token, { "data-testid": "sign-in-token", "aria-describedby": "sign-in-problem", spellcheck: "false" });
    const problem = h("p", { class: "problem", id: "sign-in-problem", role: "alert", "data-testid": "sign-in-problem" });
    const submit = h("button", { type: "submit", class: "button primary" }, words.signIn);
    set(submit, { "data-testid": "sign-in-submit" });
    const form = h("form", { class: "sign-in", novalidate: true });
    form.append(h("h2", {}, words.signInTitle), lead, h("label", { for: "token" }, words.token), token, problem, submit);
    const complain = (text) => {
        say(problem, text);
        set(token, { "aria-invalid": text === "" ? undefined : "true" });
    };
    const attempt = async () => {
        if (token.value.trim() === "")
            return complain(words.tokenMissing);
        submit.disabled = true;
        say(submit, words.signingIn);
        try {
            await signIn(token.value.trim());
            token.value = "";
            complain("");
            signedIn();
        }
        catch (error) {
            complain(refusedBecause(words, error));
        }
        finally {
            submit.disabled = false;
            say(submit, words.signIn);
        }
    };
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        void attempt();
    });
    return { node: form, show: (text) => say(lead, text), focus: () => token.focus() };
}
function refusedBecause(words, error) {
    if (error instanceof ApiError && error.status === 401)
        return error.detail || words.tokenWrong;
    return reason(words, error);
}
