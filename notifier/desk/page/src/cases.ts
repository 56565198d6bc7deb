import { now } from "./clock.js";
import type { Case, Severity } from "./types.js";

/** All cases the page knows, by id. Never changed in place: each change gives a new book. */
export type CaseBook = ReadonlyMap<string, Case>;

const RANK: Readonly<Record<Severity, number>> = { critical: 3, high: 2, low: 1, info: 0 };
const KEPT_CLOSED = 20;

export function bookOf(...parts: readonly (readonly Case[])[]): CaseBook {
  return new Map(parts.flat().map((one) => [one.id, one]));
}

/** An answer to an action and its line on the feed may cross: the newer word about a case holds. */
export function put(book: CaseBook, one: Case): CaseBook {
  const known = book.get(one.id);
  if (known && Date.parse(known.updated_at) > Date.parse(one.updated_at)) return book;
  const next = new Map(book).set(one.id, one);
  for (const old of closedIn(next).slice(KEPT_CLOSED)) next.delete(old.id);
  return next;
}

export function isUnanswered(one: Case): boolean {
  return one.status === "open";
}

/** Nobody is called yet. The page's own clock ends it: the notifier may be late to say so. */
export function isPreAlarm(one: Case): boolean {
  return one.status !== "closed" && one.pre_alarm_until !== null && Date.parse(one.pre_alarm_until) > now();
}

/** Nobody has accepted these: the most severe first, then who has waited longest. */
export function unanswered(book: CaseBook): readonly Case[] {
  return [...book.values()].filter(isUnanswered).sort(byUrgency);
}

export function answered(book: CaseBook): readonly Case[] {
  return [...book.values()].filter((one) => !isUnanswered(one) && one.status !== "closed").sort(byUrgency);
}

export function recentlyClosed(book: CaseBook): readonly Case[] {
  return closedIn(book).slice(0, KEPT_CLOSED);
}

export function alarming(book: CaseBook): readonly Case[] {
  return unanswered(book).filter((one) => one.severity === "critical" && !isPreAlarm(one));
}

function closedIn(book: CaseBook): Case[] {
  const closed = [...book.values()].filter((one) => one.status === "closed");
  return closed.sort((a, b) => closedAt(b) - closedAt(a));
}

function closedAt(one: Case): number {
  return Date.parse(one.closed_at ?? one.updated_at);
}

function byUrgency(a: Case, b: Case): number {
  const severity = (RANK[b.severity] ?? 0) - (RANK[a.severity] ?? 0);
  return severity || Date.parse(a.opened_at) - Date.parse(b.opened_at) || (a.id < b.id ? -1 : 1);
}
