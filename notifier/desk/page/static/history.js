import { localTime } from "./clock.js";
import { h } from "./dom.js";
import { english } from "./words_en.js";
export function timeline(lines, words) {
    const list = h("ol", { class: "timeline", "data-testid": "timeline" });
    const ordered = [...lines].sort((a, b) => a.id - b.id);
    list.append(...ordered.map((line) => lineItem(line, words)));
    if (ordered.length === 0)
        list.append(h("li", { class: "quiet" }, words.noLines));
    return list;
}
function lineItem(line, words) {
    const kind = line.data["status"] === "resolved" ? "resolved" : line.what;
    const head = h("p", { class: "line-head" }, h("time", { datetime: line.at }, localTime(line.at, words.tag)), h("strong", {}, words.what[kind] ?? line.what), line.by ? h("span", { class: "quiet" }, words.by(line.by)) : null);
    const texts = saidIn(line, words).map((text) => h("p", { class: "line-why" }, text));
    const look = `line line-${line.what.replace(/[^a-z_]/g, "")}`;
    const rests = evidenceOf(line, words);
    if (rests !== "")
        texts.push(h("p", { class: "line-why quiet" }, rests));
    return h("li", { class: look, "data-line-id": String(line.id) }, head, ...texts);
}
function saidIn(line, words) {
    const outcome = text(line.data["outcome"]);
    const channel = text(line.data["channel"]);
    const told = [text(line.data["person"]), words.channels[channel] ?? channel].filter((one) => one !== "").join(" · ");
    const sign = purposeOf(line, words);
    // That the broker took a signal to the home is said by its stage.
    if (sign !== "" && outcome === "sent")
        return [told, sign];
    const why = words.tag === english.tag ? line.why : text(line.data["summary_zh"]) || line.why;
    const ended = words.outcomes[outcome] ?? words.delivery[outcome] ?? outcome;
    const texts = [told, sign, why, ended, text(line.data["note"])];
    return [...new Set(texts)].filter((one) => one !== "");
}
/** Of a signal to the home: what it says, and how far it has come. */
function purposeOf(line, words) {
    const stage = text(line.data["stage"]);
    const purpose = text(line.data["purpose"]);
    return stage === "" ? "" : words.homeTold(words.purposes[purpose] ?? purpose, words.stages[stage] ?? stage);
}
/** Which rule said so, and on how many readings it rests. */
function evidenceOf(line, words) {
    const rule = text(line.data["rule"]);
    const readings = line.data["evidence"];
    return rule === "" ? "" : words.restsOn(words.rules[rule] ?? rule, Array.isArray(readings) ? readings.length : 0);
}
function text(value) {
    return typeof value === "string" ? value : "";
}
export function deliveryTable(deliveries, words) {
    if (deliveries.length === 0)
        return h("p", { class: "quiet", "data-testid": "deliveries" }, words.noDeliveries);
    const titles = [words.person, words.channel, words.deliveryStatus, words.time];
    const cells = titles.map((title) => h("th", { scope: "col", role: "columnheader" }, title));
    const head = h("tr", { role: "row" }, ...cells);
    // The roles are written out because the narrow layout shows rows as blocks, and browsers then forget the table.
    return h("table", { class: "deliveries", role: "table", "data-testid": "deliveries", "aria-labelledby": "deliveries-heading" }, h("thead", { role: "rowgroup" }, head), h("tbody", { role: "rowgroup" }, ...deliveries.map((one) => deliveryRow(one, words))));
}
function deliveryRow(one, words) {
    const round = one.round > 1 ? words.round(one.round) : "";
    const step = one.step === one.purpose ? "" : (words.tiers[one.step] ?? one.step);
    const role = words.tiers[one.role] ?? one.role;
    const at = one.sent_at ?? one.created_at;
    const detail = words.tag === english.tag ? one.detail : one.detail_zh || one.detail;
    const tries = one.attempts > 1 ? words.attempts(one.attempts) : "";
    const status = h("span", { class: `delivery delivery-${one.status}` }, words.delivery[one.status] ?? one.status);
    return h("tr", { role: "row", "data-delivery-status": one.status }, cell([h("strong", {}, one.person)], [role, step === role ? "" : step, round]), cell([words.channels[one.channel] ?? one.channel], [words.purposes[one.purpose] ?? one.purpose]), cell([status], [tries, one.stage ? (words.stages[one.stage] ?? one.stage) : (detail ?? "")]), cell([h("time", { datetime: at }, localTime(at, words.tag))], []));
}
function cell(main, small) {
    const below = small.filter((part) => part !== "").join(" · ");
    return h("td", { role: "cell" }, ...main, below ? h("span", { class: "below quiet" }, below) : null);
}
