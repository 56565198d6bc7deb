import { Alarm, CONTACT_LOST } from "./alarm.js";
import * as api from "./api.js";
import { alarming, bookOf, isPreAlarm, put, unanswered } from "./cases.js";
import { heardServerTime } from "./clock.js";
import { Feed } from "./feed.js";
import { makePage } from "./page.js";
import { statusOf, summaryOf } from "./phrases.js";
import { Readiness } from "./ready.js";
import { chosenWords, otherWords, reason } from "./words.js";
const CASE_HASH = "#case/";
const SETTLE_MS = 200;
const press = (id, action) => `${id} ${action}`;
/** What the page knows, and what it does when somebody presses something or the feed says something. */
export class Desk {
    #page;
    #me = null;
    #needsSignIn = false;
    #book = null;
    #selected = null;
    #full = null;
    #trouble = "";
    #onShift = false;
    #reloadSoon;
    #sending = new Set();
    #feed = new Feed(this);
    #readiness = new Readiness(() => this.#show());
    #alarm = new Alarm();
    constructor(words = chosenWords()) {
        this.#page = makePage(words, this);
    }
    start() {
        window.addEventListener("hashchange", () => this.#follow(true));
        document.addEventListener("visibilitychange", () => this.#tick());
        window.setInterval(() => this.#tick(), 1000);
        this.#follow(false);
        this.#feed.start();
        this.#readiness.check();
    }
    // What the feed says.
    async load() {
        this.#me = await api.me();
        const { active, closed, feedId } = await api.snapshot();
        const before = this.#book;
        this.#book = bookOf(closed, active);
        this.#needsSignIn = false;
        for (const one of active)
            if (before && !before.has(one.id))
                this.#greet(one);
        if (this.#selected)
            void this.reload(this.#selected);
        this.#show();
        return feedId;
    }
    onLine({ case: one, line }) {
        const known = this.#book?.get(one.id);
        this.#learn(one);
        if (!known)
            this.#greet(one);
        else if (known.status !== one.status)
            this.#announceStatus(one);
        else if (known.pre_alarm_until && !one.pre_alarm_until)
            this.#greet(one);
        if (one.id === this.#selected)
            this.#addLine(one.id, line);
        this.#show();
    }
    onHeartbeat(at) {
        heardServerTime(at);
    }
    onState() {
        this.#show();
    }
    onSignedOut() {
        const wasIn = this.#me !== null;
        this.#me = null;
        this.#book = null;
        this.#full = null;
        this.#needsSignIn = true;
        this.#page.signIn.show(wasIn ? this.#page.words.signedOut : this.#page.words.signInLead);
        this.#show();
        this.#page.signIn.focus();
    }
    // What people press.
    signedIn() {
        this.#needsSignIn = false;
        this.#show();
        this.#feed.start();
    }
    signOut() {
        const leave = async () => {
            await api.signOut();
            this.endShift();
            this.#feed.stop();
            this.onSignedOut();
        };
        leave().catch((error) => this.#page.complain(reason(this.#page.words, error)));
    }
    startShift() {
        this.#onShift = true;
        const started = this.#alarm.startShift().catch((error) => {
            console.warn("no sound", error);
            this.#page.complain(this.#page.words.soundFailed);
        });
        void started.then(() => this.#show());
    }
    endShift() {
        this.#onShift = false;
        void this.#alarm.endShift().then(() => this.#show());
    }
    mute() {
        this.#alarm.mute();
        this.#show();
    }
    unmute() {
        this.#alarm.unmute();
        this.#show();
    }
    switchLanguage() {
        this.#page = makePage(otherWords(this.#page.words), this);
        this.#show();
        document.querySelector("[data-testid=language]")?.focus();
    }
    accept(id) {
        window.location.hash = CASE_HASH + encodeURIComponent(id);
        this.#select(id);
        this.act(id, "accept", {});
    }
    act(id, action, body) {
        // The same press is on its way; any other goes beside it: a slow answer must keep nobody from accepting.
        if (!this.#sending.has(press(id, action)))
            void this.#send(id, action, body);
    }
    async reload(id) {
        try {
            const full = await api.oneCase(id);
            this.#learnWhole(full);
            if (id === this.#selected)
                this.#trouble = "";
        }
        catch (error) {
            if (this.#hasEnded(error) || id !== this.#selected)
                return;
            this.#trouble = reason(this.#page.words, error);
        }
        this.#show();
    }
    // How it comes together.
    async #send(id, action, body) {
        const { words } = this.#page;
        this.#sending.add(press(id, action));
        this.#page.detail.tell(words.sending, false);
        this.#show();
        try {
            const full = await api.act(id, action, body);
            this.#learnWhole(full);
            this.#answer(id, words.done[action] ?? "", false);
            if (action === "note" && id === this.#selected)
                this.#page.detail.clearNote();
        }
        catch (error) {
            if (this.#hasEnded(error))
                return;
            this.#answer(id, words.failed(reason(words, error, words.noAnswer)), true);
            // Somebody else may have been faster: show what is true now next to the refusal.
            void this.reload(id);
        }
        finally {
            this.#sending.delete(press(id, action));
            this.#show();
        }
    }
    /** An answer for a case that is no longer in front must not be taken for one about the case that is. */
    #answer(id, text, isProblem) {
        if (id === this.#selected)
            return this.#page.detail.tell(text, isProblem);
        const about = `${this.#book?.get(id)?.home.label ?? id}: ${text}`;
        if (isProblem)
            this.#page.complain(about);
        else
            this.#page.announce(about);
    }
    /** Whether the session is over; then there is only one thing to do. */
    #hasEnded(error) {
        if (!(error instanceof api.ApiError) || error.status !== 401)
            return false;
        this.#feed.stop();
        this.onSignedOut();
        return true;
    }
    #learn(one) {
        this.#book = put(this.#book ?? new Map(), one);
    }
    #learnWhole(full) {
        this.#learn(full);
        if (full.id !== this.#selected)
            return;
        const isOld = this.#full?.id === full.id && Date.parse(this.#full.updated_at) > Date.parse(full.updated_at);
        if (!isOld)
            this.#full = full;
    }
    #greet(one) {
        if (one.status !== "open")
            return;
        const { words } = this.#page;
        const severity = isPreAlarm(one) ? words.preAlarm : (words.severity[one.severity] ?? one.severity);
        this.#page.announce(words.announceNew(severity, one.home.label, summaryOf(one, words)));
        if (one.severity === "high" || isPreAlarm(one))
            this.#alarm.chime();
    }
    #announceStatus(one) {
        const { words } = this.#page;
        this.#page.announce(words.announceStatus(one.home.label, statusOf(one, words)));
    }
    #addLine(id, line) {
        const full = this.#full;
        if (full && !full.timeline.some((known) => known.id === line.id)) {
            this.#full = { ...full, timeline: [...full.timeline, line] };
        }
        // A line says that something happened; deliveries and contacts come only with the whole case.
        window.clearTimeout(this.#reloadSoon);
        this.#reloadSoon = window.setTimeout(() => void this.reload(id), SETTLE_MS);
    }
    #follow(moveFocus) {
        const { hash } = window.location;
        this.#select(hash.startsWith(CASE_HASH) ? decodeURIComponent(hash.slice(CASE_HASH.length)) : null);
        if (!moveFocus)
            return;
        if (this.#selected)
            this.#page.detail.focus();
        else
            document.getElementById("cases-heading")?.focus();
    }
    #select(id) {
        if (id === this.#selected)
            return;
        this.#selected = id;
        this.#full = null;
        this.#trouble = "";
        if (id && this.#me)
            void this.reload(id);
        this.#show();
        if (id)
            window.scrollTo({ top: 0 });
    }
    #tick() {
        if (!this.#needsSignIn)
            this.#feed.check();
        this.#readiness.check();
        this.#page.list.tick();
        this.#page.detail.tick();
        this.#showContact();
        this.#alarm.tick();
    }
    #show() {
        const { list, detail, header, words } = this.#page;
        const waiting = this.#book ? unanswered(this.#book).length : 0;
        this.#page.frame({ signIn: this.#needsSignIn, detail: this.#selected !== null });
        header.showMe(this.#me, this.#needsSignIn);
        list.show({ book: this.#book, selected: this.#selected, feed: this.#contact, press: this.#me?.press ?? null });
        detail.waiting(waiting);
        this.#showDetail();
        document.title = waiting > 0 ? words.titleWaiting(waiting) : words.title;
        this.#showContact();
    }
    #showDetail() {
        const id = this.#selected;
        const one = id ? (this.#book?.get(id) ?? this.#full) : null;
        const full = this.#full?.id === id ? this.#full : null;
        const isSending = [...this.#sending].some((sent) => sent.startsWith(press(id ?? "", "")));
        if (one)
            this.#page.detail.show(one, full, isSending);
        else
            this.#page.detail.nothing();
        if (id)
            this.#page.detail.problem(id, this.#trouble);
    }
    get #contact() {
        return this.#feed.state === "live" && this.#readiness.trouble ? "delayed" : this.#feed.state;
    }
    #showContact() {
        const { header, banner } = this.#page;
        const isLost = !this.#needsSignIn && this.#feed.state === "lost";
        const { silentMs } = this.#feed;
        header.showFeed(this.#contact, silentMs);
        banner.show({ isLost, silentMs, trouble: this.#readiness.trouble, phone: this.#me?.phone ?? "" });
        const cases = this.#book ? alarming(this.#book).map((one) => one.id) : [];
        const unheard = isLost || (this.#onShift && this.#needsSignIn);
        this.#alarm.because(new Set(unheard ? [...cases, CONTACT_LOST] : cases));
        header.showSound(this.#alarm.state, this.#onShift);
    }
}
