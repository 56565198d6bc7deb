import { now } from "./clock.js";
const RANK = { critical: 3, high: 2, low: 1, info: 0 };
const KEPT_CLOSED = 20;
export function bookOf(...parts) {
    return new Map(parts.flat().map((one) => [one.id, one]));
}
/** An answer to an action and its line on the feed may cross: the newer word about a case holds. */
export function put(book, one) {
    const known = book.get(one.id);
    if (known && Date.parse(known.updated_at) > Date.parse(one.updated_at))
        return book;
    const next = new Map(book).set(one.id, one);
    for (const old of closedIn(next).slice(KEPT_CLOSED))
        next.delete(old.id);
    return next;
}
export function isUnanswered(one) {
    return one.status === "open";
}
/** Nobody is called yet. The page's own clock ends it: the notifier may be late to say so. */
export function isPreAlarm(one) {
    return one.status !== "closed" && one.pre_alarm_until !== null && Date.parse(one.pre_alarm_until) > now();
}
/** Nobody has accepted these: the most severe first, then who has waited longest. */
export function unanswered(book) {
    return [...book.values()].filter(isUnanswered).sort(byUrgency);
}
export function answered(book) {
    return [...book.values()].filter((one) => !isUnanswered(one) && one.status !== "closed").sort(byUrgency);
}
export function recentlyClosed(book) {
    return closedIn(book).slice(0, KEPT_CLOSED);
}
export function alarming(book) {
    return unanswered(book).filter((one) => one.severity === "critical" && !isPreAlarm(one));
}
function closedIn(book) {
    const closed = [...book.values()].filter((one) => one.status === "closed");
    return closed.sort((a, b) => closedAt(b) - closedAt(a));
}
function closedAt(one) {
    return Date.parse(one.closed_at ?? one.updated_at);
}
function byUrgency(a, b) {
    const severity = (RANK[b.severity] ?? 0) - (RANK[a.severity] ?? 0);
    return severity || Date.parse(a.opened_at) - Date.parse(b.opened_at) || (a.id < b.id ? -1 : 1);
}
