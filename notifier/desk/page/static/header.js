import { span } from "./clock.js";
import { button, h, say, set } from "./dom.js";
export function makeHeader(words, handlers) {
    const brand = h("h1", { class: "brand" }, h("strong", {}, "Carebell"));
    brand.append(h("span", { class: "brand-desk" }, words.desk));
    const feedWord = h("span", { class: "feed-word" });
    const feedHeard = h("span", { class: "feed-heard" });
    const feed = h("span", { class: "feed", "data-testid": "feed-state", "data-state": "connecting" });
    feed.append(h("span", { class: "feed-dot", "aria-hidden": "true" }), feedWord, feedHeard);
    const language = button("language", "quiet-button", words.otherLanguage, () => handlers.switchLanguage());
    set(language, { lang: words.otherLanguageTag });
    const name = h("span", { class: "me" });
    const signOut = button("sign-out", "quiet-button", words.signOut, () => handlers.signOut());
    const person = h("div", { class: "person" }, name, signOut);
    const sound = makeSound(words, handlers);
    const node = h("header", { class: "bar" }, brand, feed, sound.node, h("div", { class: "bar-end" }, person, language));
    const showMe = (me, mustSignIn) => {
        person.hidden = me === null;
        feed.hidden = mustSignIn;
        // Signed out in the middle of a shift it may be sounding: then there must be a way to quiet it.
        sound.node.hidden = mustSignIn && (sound.node.dataset["sound"] ?? "off") === "off";
        // The demo signs everybody in by itself: there, signing out would only puzzle.
        signOut.hidden = me?.demo ?? true;
        say(name, me?.name ?? "");
        set(name, { title: me ? words.signedInAs(me.name) : undefined });
    };
    const showFeed = (state, silentMs) => {
        set(feed, { "data-state": state });
        say(feedWord, words.feed[state]);
        say(feedHeard, words.heard(span(silentMs, words.daysAndHours)));
    };
    return { node, showMe, showFeed, showSound: sound.show };
}
function makeSound(words, handlers) {
    const text = h("span", { class: "sound-text", "data-testid": "sound-state" });
    const start = button("start-shift", "primary", words.startShift, () => handlers.startShift());
    const end = button("end-shift", "quiet-button", words.endShift, () => handlers.endShift());
    const mute = button("mute", "plain", words.mute, () => handlers.mute());
    const unmute = button("unmute", "plain", words.unmute, () => handlers.unmute());
    const hint = h("span", { class: "mute-hint", id: "mute-hint" }, words.muteHint);
    set(mute, { "aria-describedby": "mute-hint" });
    const node = h("div", { class: "sound" }, text, hint, mute, unmute, start, end);
    const show = (state, onShift) => {
        set(node, { "data-sound": state });
        set(text, { "data-sound": state });
        say(text, words.sound[state]);
        start.hidden = state !== "off";
        end.hidden = !onShift || state === "off";
        mute.hidden = hint.hidden = state !== "sounding";
        unmute.hidden = state !== "muted";
    };
    return { node, show };
}
