// A desk computer's clock may be wrong by minutes; a call's age may not. So the page counts in the server's time.
let ahead = 0;
export function heardServerTime(at) {
    const server = Date.parse(at);
    if (!Number.isNaN(server))
        ahead = server - Date.now();
}
export function now() {
    return Date.now() + ahead;
}
function two(value) {
    return String(value).padStart(2, "0");
}
/** 0:07, 12:30, 1:02:03; from a day on in hours, because nobody reads seconds of yesterday. */
export function span(milliseconds, inDays) {
    const seconds = Math.max(0, Math.floor(milliseconds / 1000));
    const hours = Math.floor(seconds / 3600);
    const minutes = Math.floor((seconds % 3600) / 60);
    if (hours >= 24)
        return inDays(Math.floor(hours / 24), hours % 24);
    if (hours > 0)
        return `${hours}:${two(minutes)}:${two(seconds % 60)}`;
    return `${minutes}:${two(seconds % 60)}`;
}
export function since(at, until, inDays) {
    return span(until - Date.parse(at), inDays);
}
/** Rounded up, so that 0:00 is only shown when the moment has come. */
export function left(at, from, inDays) {
    return span(Math.ceil(Math.max(0, Date.parse(at) - from) / 1000) * 1000, inDays);
}
export function localTime(at, language) {
    const time = new Date(at);
    const today = new Date(now()).toDateString() === time.toDateString();
    const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
    const day = today ? {} : { month: "short", day: "numeric" };
    return new Intl.DateTimeFormat(language, { ...day, ...clock }).format(time);
}
