import { answered, recentlyClosed, unanswered } from "./cases.js";
import { makeCard } from "./card.js";
import { arrange, h, say } from "./dom.js";
export function makeList(words, accept) {
    const cards = new Map();
    const waiting = makeGroup("waiting", words.waiting);
    const underWay = makeGroup("under-way", words.underWay);
    const closed = makeClosed(words);
    const empty = h("p", { class: "empty", "data-testid": "empty" });
    const press = h("code", {});
    const demo = demoHint(words, press);
    const heading = h("h2", { class: "visually-hidden", id: "cases-heading", tabindex: "-1" }, words.cases);
    const node = h("section", { class: "list", "aria-labelledby": "cases-heading" }, heading);
    node.append(empty, waiting.node, underWay.node, closed.node, demo);
    const fill = (group, cases, selected) => {
        const nodes = cases.map((one) => {
            const card = cards.get(one.id) ?? makeCard(one, words, accept);
            cards.set(one.id, card);
            card.show(one, one.id === selected);
            return card.node;
        });
        arrange(group.cards, nodes);
        say(group.count, String(cases.length));
    };
    const show = ({ book, selected, feed, press: command }) => {
        const known = book ?? new Map();
        const [open, taken] = [unanswered(known), answered(known)];
        fill(waiting, open, selected);
        fill(underWay, taken, selected);
        fill(closed, recentlyClosed(known), selected);
        waiting.node.hidden = open.length === 0;
        underWay.node.hidden = taken.length === 0;
        closed.node.hidden = book === null;
        empty.hidden = open.length + taken.length > 0;
        empty.dataset["feed"] = feed;
        say(empty, emptyText(words, book, feed));
        demo.hidden = command === null;
        say(press, command ?? "");
        for (const id of [...cards.keys()])
            if (!known.has(id))
                cards.delete(id);
    };
    return { node, show, tick: () => cards.forEach((card) => card.tick()) };
}
/** "No open case" is a promise. It may only be given while the page really listens. */
function emptyText(words, book, feed) {
    if (feed === "lost")
        return words.emptyLost;
    if (book === null)
        return words.loading;
    if (feed === "delayed")
        return words.emptyDelayed;
    return feed === "live" ? words.empty : `${words.feed.connecting}…`;
}
function makeGroup(name, title) {
    const count = h("span", { class: "count" });
    const cards = h("ul", { class: "cards" });
    const heading = h("h2", { id: `group-${name}` }, title, " ", count);
    const node = h("section", { class: `group group-${name}`, "aria-labelledby": `group-${name}` }, heading, cards);
    return { node, count, cards };
}
function makeClosed(words) {
    const count = h("span", { class: "count" });
    const cards = h("ul", { class: "cards cards-closed" });
    const title = h("summary", {}, words.recentlyClosed, " ", count);
    const node = h("details", { class: "group group-closed", "data-testid": "closed-cases" }, title, cards);
    return { node, count, cards };
}
function demoHint(words, press) {
    const title = h("strong", {}, words.demoTitle);
    return h("p", { class: "demo", "data-testid": "demo-hint" }, title, " ", words.demoHint, press);
}
