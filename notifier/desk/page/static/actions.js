import { button, h, say, set } from "./dom.js";
const STEPS = [
    ["accept", ["open"]],
    ["en-route", ["accepted"]],
    ["arrived", ["accepted", "en_route"]],
];
const DONE_AT = { open: 0, accepted: 1, en_route: 2, arrived: 3, closed: 3 };
/** The three steps keep their places, done or not, so that a second hasty press cannot hit another step. */
export function makeActions(words, handlers) {
    const labels = {
        accept: words.accept,
        "en-route": words.enRoute,
        arrived: words.arrived,
    };
    const press = (action) => () => handlers.act(action, {});
    const steps = STEPS.map(([action]) => button(action, "step", labels[action] ?? action, press(action)));
    const escalate = button("escalate", "warning", words.escalate, press("escalate"));
    const close = button("close", "plain", words.close, () => handlers.askOutcome());
    const message = h("p", { class: "message", "data-testid": "action-message", tabindex: "-1" });
    const note = noteForm(words, (text) => handlers.act("note", { note: text }), (text) => tell(text, true));
    const stepRow = h("div", { class: "steps" }, ...steps);
    const rest = h("div", { class: "rest" }, escalate, close);
    const node = h("section", { class: "actions", "aria-label": words.actions }, stepRow, message, rest, note.node);
    const tell = (text, isProblem) => {
        set(message, { role: isProblem ? "alert" : "status", class: `message ${isProblem ? "problem" : "answer"}` });
        say(message, text);
    };
    const show = (one, sending) => {
        const isClosed = one.status === "closed";
        // What becomes known after the end can still be written down.
        stepRow.hidden = rest.hidden = isClosed;
        steps.forEach((step, index) => markStep(step, index, one.status, sending));
        for (const other of [escalate, close, note.send])
            other.disabled = sending;
        set(node, { "aria-busy": sending ? "true" : undefined });
    };
    return { node, show, tell, clearNote: note.clear };
}
function markStep(step, index, status, sending) {
    const applies = STEPS[index]?.[1].includes(status) ?? false;
    const done = index < (DONE_AT[status] ?? 0);
    const isNext = applies && index === DONE_AT[status];
    step.disabled = sending || !applies;
    set(step, { class: `button step ${done ? "done" : isNext ? "primary" : "later"}` });
}
function noteForm(words, send, complain) {
    const attributes = { id: "note-text", rows: "2", maxlength: "2000", "data-testid": "note-text" };
    const text = h("textarea", { ...attributes, placeholder: words.notePlaceholder });
    const submit = h("button", { type: "submit", class: "button plain", "data-testid": "note" }, words.note);
    const node = h("form", { class: "note-form" }, h("label", { for: "note-text" }, words.noteLabel), text, submit);
    node.addEventListener("submit", (event) => {
        event.preventDefault();
        const written = text.value.trim();
        if (written !== "")
            return send(written);
        complain(words.noteMissing);
        text.focus();
    });
    return { node, send: submit, clear: () => (text.value = "") };
}
