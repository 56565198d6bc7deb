import { button, h, say, set } from "./dom.js";
import type { ActionBody, ActionName, Case, Status } from "./types.js";
import type { Words } from "./words.js";

export interface ActionBar {
  readonly node: HTMLElement;
  show(one: Case, sending: boolean): void;
  /** The server's answer, or why there is none. */
  tell(text: string, isProblem: boolean): void;
  clearNote(): void;
}

export interface ActionHandlers {
  act(action: ActionName, body: ActionBody): void;
  askOutcome(): void;
}

type Step = readonly [action: ActionName, from: readonly Status[]];

const STEPS: readonly Step[] = [
  ["accept", ["open"]],
  ["en-route", ["accepted"]],
  ["arrived", ["accepted", "en_route"]],
];
const DONE_AT: Readonly<Record<Status, number>> = { open: 0, accepted: 1, en_route: 2, arrived: 3, closed: 3 };

/** The three steps keep their places, done or not, so that a second hasty press cannot hit another step. */
export function makeActions(words: Words, handlers: ActionHandlers): ActionBar {
  const labels: Readonly<Record<string, string>> = {
    accept: words.accept,
    "en-route": words.enRoute,
    arrived: words.arrived,
  };
  const press = (action: ActionName) => () => handlers.act(action, {});
  const steps = STEPS.map(([action]) => button(action, "step", labels[action] ?? action, press(action)));
  const escalate = button("escalate", "warning", words.escalate, press("escalate"));
  const close = button("close", "plain", words.close, () => handlers.askOutcome());
  const message = h("p", { class: "message", "data-testid": "action-message", tabindex: "-1" });
  const note = noteForm(words, (text) => handlers.act("note", { note: text }), (text) => tell(text, true));
  const stepRow = h("div", { class: "steps" }, ...steps);
  const rest = h("div", { class: "rest" }, escalate, close);
  const node = h("section", { class: "actions", "aria-label": words.actions }, stepRow, message, rest, note.node);

  const tell = (text: string, isProblem: boolean): void => {
    set(message, { role: isProblem ? "alert" : "status", class: `message ${isProblem ? "problem" : "answer"}` });
    say(message, text);
  };
  const show = (one: Case, sending: boolean): void => {
    const isClosed = one.status === "closed";
    // What becomes known after the end can still be written down.
    stepRow.hidden = rest.hidden = isClosed;
    steps.forEach((step, index) => markStep(step, index, one.status, sending));
    for (const other of [escalate, close, note.send]) other.disabled = sending;
    set(node, { "aria-busy": sending ? "true" : undefined });
  };
  return { node, show, tell, clearNote: note.clear };
}

function markStep(step: HTMLButtonElement, index: number, status: Status, sending: boolean): void {
  const applies = STEPS[index]?.[1].includes(status) ?? false;
  const done = index < (DONE_AT[status] ?? 0);
  const isNext = applies && index === DONE_AT[status];
  step.disabled = sending || !applies;
  set(step, { class: `button step ${done ? "done" : isNext ? "primary" : "later"}` });
}

interface NoteForm {
  readonly node: HTMLFormElement;
  readonly send: HTMLButtonElement;
  clear(): void;
}

function noteForm(words: Words, send: (text: string) => void, complain: (text: string) => void): NoteForm {
  const attributes = { id: "note-text", rows: "2", maxlength: "2000", "data-testid": "note-text" };
  const text = h("textarea", { ...attributes, placeholder: words.notePlaceholder });
  const submit = h("button", { type: "submit", class: "button plain", "data-testid": "note" }, words.note);
  const node = h("form", { class: "note-form" }, h("label", { for: "note-text" }, words.noteLabel), text, submit);
  node.addEventListener("submit", (event) => {
    event.preventDefault();
    const written = text.value.trim();
    if (written !== "") return send(written);
    complain(words.noteMissing);
    text.focus();
  });
  return { node, send: submit, clear: () => (text.value = "") };
}
