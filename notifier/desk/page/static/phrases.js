// Sentences about a case that the list and the details share.
import { isPreAlarm } from "./cases.js";
import { left, now, since, span } from "./clock.js";
import { english } from "./words_en.js";
export function summaryOf(one, words) {
    return words.tag === english.tag ? one.summary || one.summary_zh : one.summary_zh || one.summary;
}
export function statusOf(one, words) {
    const name = one.accepted_by ?? words.somebody;
    switch (one.status) {
        case "accepted":
            return words.acceptedBy(name, acceptedAfter(one, words));
        case "en_route":
            return words.onTheWayBy(name);
        case "arrived":
            return words.arrivedBy(name);
        case "closed":
            return words.closedWith(words.outcomes[one.outcome ?? ""] ?? one.outcome ?? words.outcomes["other"] ?? "");
        default:
            if (isPreAlarm(one))
                return words.preAlarm;
            return words.status[one.status] ?? one.status;
    }
}
function acceptedAfter(one, words) {
    return one.accepted_at ? span(Date.parse(one.accepted_at) - Date.parse(one.opened_at), words.daysAndHours) : "–";
}
/** The clock since the press runs until the case is closed. */
export function ageOf(one, words) {
    return since(one.opened_at, one.closed_at ? Date.parse(one.closed_at) : now(), words.daysAndHours);
}
export function nextStepOf(one, words) {
    if (one.status === "closed")
        return "";
    if (one.pre_alarm_until && isPreAlarm(one))
        return words.callsIn(left(one.pre_alarm_until, now(), words.daysAndHours));
    if (!one.due_at)
        return one.status === "open" ? words.noStep : "";
    const step = one.next_step ? (words.tiers[one.next_step] ?? one.next_step) : words.reminder;
    const from = now();
    if (Date.parse(one.due_at) <= from)
        return words.stepNow(step);
    return words.stepIn(step, left(one.due_at, from, words.daysAndHours));
}
export function callOf(one, words) {
    return one.call && one.status !== "closed" ? words.callFirst(one.call) : "";
}
/** What the home was told last. Empty where it was told nothing, and when the case is closed. */
export function homeToldOf(one, words) {
    const told = one.home_told;
    if (!told || one.status === "closed")
        return "";
    const what = words.purposes[told.purpose] ?? told.purpose;
    if (told.may_not_have_heard)
        return words.homeUnheard(what);
    const isAll = told.stage === "accepted_by_broker" && !told.can_confirm;
    return words.homeTold(what, isAll ? words.cannotConfirm : (words.stages[told.stage] ?? told.stage));
}
export function repeatsOf(one, words) {
    return joined(one.calls > 1 ? words.calls(one.calls) : "", one.round > 1 ? words.round(one.round) : "");
}
export function joined(...parts) {
    return parts.filter((part) => part !== "").join(" · ");
}
export function namesOf(home) {
    return home.residents.map((resident) => resident.name).join(", ");
}
