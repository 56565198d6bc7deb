import { makeActions, type ActionBar } from "./actions.js";
import { isPreAlarm } from "./cases.js";
import { makeCloseDialog } from "./close_dialog.js";
import { localTime } from "./clock.js";
import { button, h, say, set } from "./dom.js";
import { deliveryTable, timeline } from "./history.js";
import { homePanel } from "./home_panel.js";
import { ageOf, callOf, homeToldOf, joined, nextStepOf, repeatsOf, statusOf, summaryOf } from "./phrases.js";
import { showSeverity } from "./severity.js";
import type { ActionBody, ActionName, Case, CaseInFull } from "./types.js";
import type { Words } from "./words.js";

export interface DetailHandlers {
  act(id: string, action: ActionName, body: ActionBody): void;
  reload(id: string): void;
}

export interface DetailView {
  readonly node: HTMLElement;
  /** The short form from the list can be shown while the full one is on its way. */
  show(one: Case, full: CaseInFull | null, sending: boolean): void;
  /** Why the case could not be read; empty when it could. */
  problem(id: string, text: string): void;
  nothing(): void;
  tell(text: string, isProblem: boolean): void;
  clearNote(): void;
  waiting(count: number): void;
  focus(): void;
  tick(): void;
}

interface Parts {
  readonly badge: HTMLElement;
  readonly title: HTMLHeadingElement;
  readonly clock: HTMLElement;
  readonly status: HTMLElement;
  readonly call: HTMLElement;
  readonly summary: HTMLElement;
  readonly opened: HTMLElement;
  readonly next: HTMLElement;
  readonly toldHome: HTMLElement;
  readonly home: HTMLElement;
  readonly lines: HTMLElement;
  readonly told: HTMLElement;
  readonly problem: HTMLElement;
  readonly reason: HTMLElement;
}

interface Frame {
  readonly node: HTMLElement;
  readonly back: HTMLElement;
  show(what: "case" | "problem" | "nothing", hasCase: boolean): void;
}

export function makeDetail(words: Words, handlers: DetailHandlers): DetailView {
  let shown: Case | null = null;
  let asked = "";
  const parts = makeParts(words);
  const dialog = makeCloseDialog(words, (id, body) => handlers.act(id, "close", body));
  const actions = makeActions(words, {
    act: (action, body) => shown && handlers.act(shown.id, action, body),
    askOutcome: () => shown && dialog.ask(shown),
  });
  parts.problem.append(parts.reason, button("retry", "plain", words.retry, () => handlers.reload(asked)));
  const frame = makeFrame(words, parts, actions);
  frame.node.append(dialog.node);

  const show = (one: Case, full: CaseInFull | null, sending: boolean): void => {
    if (shown && shown.id !== one.id) startAnew(actions, dialog.shut);
    asked = one.id;
    shown = one;
    frame.show("case", true);
    set(frame.node, { "aria-label": one.home.label || one.home_id });
    showCase(parts, one, words);
    showFull(parts, full, words);
    actions.show(one, sending);
    if (one.status === "closed") dialog.shut();
  };
  const problem = (id: string, text: string): void => {
    if (text === "") return;
    if (shown?.id !== id) shown = null;
    asked = id;
    say(parts.reason, text);
    frame.show("problem", shown !== null);
  };
  const nothing = (): void => {
    shown = null;
    startAnew(actions, dialog.shut);
    frame.show("nothing", false);
  };
  const waiting = (count: number): void => say(frame.back, count > 0 ? words.backWaiting(count) : words.back);
  const tick = (): void => void (shown && showTimes(parts, shown, words));
  const { tell, clearNote } = actions;
  return { node: frame.node, show, problem, nothing, waiting, tick, tell, clearNote, focus: () => parts.title.focus() };
}

function startAnew(actions: ActionBar, shut: () => void): void {
  actions.tell("", false);
  actions.clearNote();
  shut();
}

function makeParts(words: Words): Parts {
  return {
    badge: h("div", { class: "detail-badge" }),
    title: h("h2", { class: "detail-title", tabindex: "-1" }),
    clock: h("span", { class: "clock", role: "timer", "aria-label": words.sincePress }),
    status: h("p", { class: "detail-status", "data-testid": "case-status" }),
    call: h("p", { class: "call-first", "data-testid": "call-first" }),
    summary: h("p", { class: "detail-summary", "data-testid": "case-summary" }),
    opened: h("p", { class: "quiet detail-opened" }),
    next: h("p", { class: "detail-next", "data-testid": "next-step" }),
    toldHome: h("p", { class: "home-told", "data-testid": "home-told" }),
    home: h("div", {}),
    lines: h("div", {}),
    told: h("div", {}),
    problem: h("div", { class: "problem-box", role: "alert", "data-testid": "detail-problem" }),
    reason: h("p", {}),
  };
}

function makeFrame(words: Words, parts: Parts, actions: ActionBar): Frame {
  const article = caseArticle(words, parts, actions);
  const pick = h("div", { class: "pick" }, h("h2", {}, words.pickTitle), h("p", {}, words.pickLead));
  const back = h("a", { class: "back", href: "#", "data-testid": "back" }, words.back);
  const node = h("section", { class: "detail", "aria-label": words.pickTitle }, back, parts.problem, article, pick);
  const show = (what: "case" | "problem" | "nothing", hasCase: boolean): void => {
    article.hidden = !hasCase;
    parts.problem.hidden = what !== "problem";
    pick.hidden = what !== "nothing";
    back.hidden = what === "nothing";
  };
  return { node, back, show };
}

function caseArticle(words: Words, parts: Parts, actions: ActionBar): HTMLElement {
  const top = h("div", { class: "detail-top" }, parts.badge, parts.clock);
  const state = [parts.call, parts.summary, parts.opened, parts.status, parts.toldHome, parts.next];
  const head = h("header", { class: "detail-head" }, top, parts.title, ...state);
  const home = panel("home", words.home, parts.home);
  const now = h("div", { class: "case-now" }, head, actions.node);
  return h(
    "article",
    { class: "case" },
    h("div", { class: "column" }, now, panel("timeline", words.timeline, parts.lines)),
    h("div", { class: "column" }, home, panel("deliveries", words.deliveries, parts.told)),
  );
}

function panel(name: string, title: string, content: HTMLElement): HTMLElement {
  const heading = h("h3", { id: `${name}-heading` }, title);
  return h("section", { class: `panel panel-${name}`, "aria-labelledby": `${name}-heading` }, heading, content);
}

function showCase(parts: Parts, one: Case, words: Words): void {
  showSeverity(parts.badge, one.severity, words);
  say(parts.title, one.home.label || one.home_id);
  say(parts.summary, summaryOf(one, words));
  say(parts.opened, joined(localTime(one.opened_at, words.tag), repeatsOf(one, words)));
  say(parts.call, callOf(one, words));
  parts.call.hidden = callOf(one, words) === "";
  say(parts.toldHome, homeToldOf(one, words));
  parts.toldHome.hidden = homeToldOf(one, words) === "";
  set(parts.toldHome, { "data-doubt": String(one.home_told?.may_not_have_heard ?? false) });
  showTimes(parts, one, words);
}

function showTimes(parts: Parts, one: Case, words: Words): void {
  const next = nextStepOf(one, words);
  say(parts.clock, ageOf(one, words));
  say(parts.status, statusOf(one, words));
  set(parts.status, { "data-status": isPreAlarm(one) ? "pre-alarm" : one.status });
  say(parts.next, next);
  parts.next.hidden = next === "";
}

/** Rebuilt only when something changed: a responder may be reading, selecting or about to tap a number. */
function showFull(parts: Parts, full: CaseInFull | null, words: Words): void {
  rebuild(parts.home, full?.home, (home) => homePanel(home, words), words);
  rebuild(parts.lines, full?.timeline, (lines) => timeline(lines, words), words);
  rebuild(parts.told, full?.deliveries, (deliveries) => deliveryTable(deliveries, words), words);
}

const built = new WeakMap<HTMLElement, string>();

function rebuild<T>(place: HTMLElement, value: T | undefined, make: (value: T) => HTMLElement, words: Words): void {
  const mark = JSON.stringify(value ?? null);
  if (built.get(place) === mark) return;
  built.set(place, mark);
  place.replaceChildren(value === undefined ? h("p", { class: "quiet" }, words.loading) : make(value));
}
