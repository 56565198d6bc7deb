import { drawing, h } from "./dom.js";
// Each severity has its own outline, so that it is told apart without colour and from across the room.
const OUTLINES = {
    critical: ["path", { d: "M7.5 1.5h9l6 6v9l-6 6h-9l-6-6v-9z", class: "shape" }],
    high: ["path", { d: "M12 1.8 23 21.5H1z", class: "shape" }],
    low: ["circle", { cx: "12", cy: "12", r: "10.5", class: "shape" }],
    info: ["rect", { x: "2", y: "2", width: "20", height: "20", rx: "3", class: "shape" }],
};
const MARKS = {
    critical: ["path", { d: "M12 6v8M12 17v1.5", class: "mark" }],
    high: ["path", { d: "M12 8.5v6M12 17v1.2", class: "mark" }],
    low: ["path", { d: "M7.5 12h9", class: "mark" }],
    info: ["path", { d: "M12 6v1.2M12 10.5V18", class: "mark" }],
};
export function showSeverity(place, severity, words) {
    if (place.dataset["severity"] === severity)
        return;
    place.dataset["severity"] = severity;
    place.replaceChildren(severityBadge(severity, words));
}
function severityBadge(severity, words) {
    const known = severity in OUTLINES ? severity : "info";
    const icon = drawing("severity-icon", OUTLINES[known], MARKS[known]);
    return h("span", { class: `severity severity-${known}` }, icon, h("span", {}, words.severity[known] ?? severity));
}
