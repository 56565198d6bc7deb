import { isPreAlarm } from "./cases.js";
import { button, h, say, set } from "./dom.js";
import { ageOf, callOf, homeToldOf, joined, namesOf, nextStepOf, repeatsOf, statusOf, summaryOf } from "./phrases.js";
import { showSeverity } from "./severity.js";
import type { Case } from "./types.js";
import type { Words } from "./words.js";

export interface Card {
  readonly node: HTMLLIElement;
  show(one: Case, selected: boolean): void;
  tick(): void;
}

/** One case in the list. Its parts are made once and only re-worded, so that focus and reading place stay. */
export function makeCard(first: Case, words: Words, accept: (id: string) => void): Card {
  let shown = first;
  const badge = h("div", { class: "card-badge" });
  const clock = h("span", { class: "clock", role: "timer", "aria-label": words.sincePress });
  const link = h("a", { class: "card-link", href: `#case/${encodeURIComponent(first.id)}` });
  const people = h("p", { class: "card-people" });
  const summary = h("p", { class: "card-summary" });
  const call = h("p", { class: "call-first", "data-testid": "card-call" });
  const next = h("p", { class: "card-next", "data-testid": "card-next" });
  const told = h("p", { class: "home-told", "data-testid": "card-home-told" });
  const status = h("span", { class: "card-status" });
  const take = button("card-accept", "card-accept", words.accept, () => accept(shown.id));
  const node = h(
    "li",
    { "data-testid": "case-card" },
    h("div", { class: "card-top" }, badge, clock),
    h("h3", {}, link),
    people,
    call,
    summary,
    told,
    next,
    h("div", { class: "card-foot" }, status, take),
  );
  const tick = (): void => {
    set(node, marks(shown));
    say(clock, ageOf(shown, words));
    say(status, statusOf(shown, words));
    say(next, joined(nextStepOf(shown, words), repeatsOf(shown, words)));
  };
  const show = (one: Case, selected: boolean): void => {
    shown = one;
    set(link, { "aria-current": selected ? "true" : undefined });
    showSeverity(badge, one.severity, words);
    say(link, one.home.label || one.home_id);
    say(people, joined(namesOf(one.home), one.home.address));
    say(summary, summaryOf(one, words));
    say(call, callOf(one, words));
    call.hidden = callOf(one, words) === "";
    say(told, homeToldOf(one, words));
    told.hidden = homeToldOf(one, words) === "";
    set(told, { "data-doubt": String(one.home_told?.may_not_have_heard ?? false) });
    take.hidden = one.status !== "open";
    set(take, { "aria-label": `${words.accept}: ${one.home.label || one.home_id}` });
    tick();
  };
  return { node, show, tick };
}

function marks(one: Case): Record<string, string> {
  const look = isPreAlarm(one) ? " pre-alarm" : "";
  return {
    class: `card ${one.status === "open" ? "unanswered" : "answered"}${look} tone-${one.severity}`,
    "data-case-id": one.id,
    "data-home-id": one.home_id,
    "data-status": one.status,
    "data-severity": one.severity,
  };
}
