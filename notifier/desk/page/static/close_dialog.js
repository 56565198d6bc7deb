import { button, h, say, set } from "./dom.js";
import { OUTCOMES } from "./types.js";
export function makeCloseDialog(words, close) {
    let asked = "";
    const lead = h("p", { id: "close-lead" });
    const outcome = outcomeSelect(words);
    const note = h("textarea", { id: "close-note", rows: "3", maxlength: "2000", "data-testid": "close-note" });
    const problem = h("p", { class: "problem", id: "close-problem", role: "alert" });
    const node = h("dialog", { class: "dialog", "data-testid": "close-dialog", "aria-labelledby": "close-title" });
    const form = h("form", { method: "dialog", novalidate: true });
    const confirm = h("button", { type: "submit", class: "button primary" }, words.closeConfirm);
    set(confirm, { "data-testid": "close-confirm" });
    const cancel = button("close-cancel", "plain", words.cancel, () => node.close());
    form.append(h("h2", { id: "close-title" }, words.closeTitle), lead, h("label", { for: "outcome" }, words.outcome), outcome, problem, h("label", { for: "close-note" }, words.closeNote), note, h("div", { class: "dialog-foot" }, cancel, confirm));
    node.append(form);
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        if (outcome.value === "")
            return complain(outcome, problem, words.outcomeMissing);
        node.close();
        close(asked, bodyOf(outcome.value, note.value));
    });
    const ask = (one) => {
        asked = one.id;
        form.reset();
        complain(outcome, problem, "");
        say(lead, words.closeLead(one.home.label || one.home_id));
        node.showModal();
        outcome.focus();
    };
    return { node, ask, shut: () => node.close() };
}
function complain(outcome, problem, text) {
    say(problem, text);
    set(outcome, { "aria-invalid": text === "" ? undefined : "true" });
    if (text !== "")
        outcome.focus();
}
function bodyOf(outcome, note) {
    const text = note.trim();
    return text === "" ? { outcome } : { outcome, note: text };
}
function outcomeSelect(words) {
    const attributes = { id: "outcome", required: true, "aria-describedby": "close-problem", "data-testid": "outcome" };
    const select = h("select", attributes, h("option", { value: "" }, words.chooseOutcome));
    select.append(...OUTCOMES.map((value) => h("option", { value }, words.outcomes[value] ?? value)));
    return select;
}
