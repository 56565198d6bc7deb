import { Alarm, CONTACT_LOST } from "./alarm.js";
import * as api from "./api.js";
import { alarming, bookOf, isPreAlarm, put, unanswered, type CaseBook } from "./cases.js";
import { heardServerTime } from "./clock.js";
import { Feed, type Contact, type FeedListener } from "./feed.js";
import { makePage, type Page, type PageHandlers } from "./page.js";
import { statusOf, summaryOf } from "./phrases.js";
import { Readiness } from "./ready.js";
import type { ActionBody, ActionName, Case, CaseInFull, FeedLine, Me } from "./types.js";
import { chosenWords, otherWords, reason, type Words } from "./words.js";

const CASE_HASH = "#case/";
const SETTLE_MS = 200;
const press = (id: string, action: ActionName | ""): string => `${id} ${action}`;

/** What the page knows, and what it does when somebody presses something or the feed says something. */
export class Desk implements PageHandlers, FeedListener {
  #page: Page;
  #me: Me | null = null;
  #needsSignIn = false;
  #book: CaseBook | null = null;
  #selected: string | null = null;
  #full: CaseInFull | null = null;
  #trouble = "";
  #onShift = false;
  #reloadSoon: number | undefined;
  readonly #sending = new Set<string>();
  readonly #feed = new Feed(this);
  readonly #readiness = new Readiness(() => this.#show());
  readonly #alarm = new Alarm();

  constructor(words: Words = chosenWords()) {
    this.#page = makePage(words, this);
  }

  start(): void {
    window.addEventListener("hashchange", () => this.#follow(true));
    document.addEventListener("visibilitychange", () => this.#tick());
    window.setInterval(() => this.#tick(), 1000);
    this.#follow(false);
    this.#feed.start();
    this.#readiness.check();
  }

  // What the feed says.

  async load(): Promise<number> {
    this.#me = await api.me();
    const { active, closed, feedId } = await api.snapshot();
    const before = this.#book;
    this.#book = bookOf(closed, active);
    this.#needsSignIn = false;
    for (const one of active) if (before && !before.has(one.id)) this.#greet(one);
    if (this.#selected) void this.reload(this.#selected);
    this.#show();
    return feedId;
  }

  onLine({ case: one, line }: FeedLine): void {
    const known = this.#book?.get(one.id);
    this.#learn(one);
    if (!known) this.#greet(one);
    else if (known.status !== one.status) this.#announceStatus(one);
    else if (known.pre_alarm_until && !one.pre_alarm_until) this.#greet(one);
    if (one.id === this.#selected) this.#addLine(one.id, line);
    this.#show();
  }

  onHeartbeat(at: string): void {
    heardServerTime(at);
  }

  onState(): void {
    this.#show();
  }

  onSignedOut(): void {
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

  signedIn(): void {
    this.#needsSignIn = false;
    this.#show();
    this.#feed.start();
  }

  signOut(): void {
    const leave = async (): Promise<void> => {
      await api.signOut();
      this.endShift();
      this.#feed.stop();
      this.onSignedOut();
    };
    leave().catch((error: unknown) => this.#page.complain(reason(this.#page.words, error)));
  }

  startShift(): void {
    this.#onShift = true;
    const started = this.#alarm.startShift().catch((error: unknown) => {
      console.warn("no sound", error);
      this.#page.complain(this.#page.words.soundFailed);
    });
    void started.then(() => this.#show());
  }

  endShift(): void {
    this.#onShift = false;
    void this.#alarm.endShift().then(() => this.#show());
  }

  mute(): void {
    this.#alarm.mute();
    this.#show();
  }

  unmute(): void {
    this.#alarm.unmute();
    this.#show();
  }

  switchLanguage(): void {
    this.#page = makePage(otherWords(this.#page.words), this);
    this.#show();
    document.querySelector<HTMLElement>("[data-testid=language]")?.focus();
  }

  accept(id: string): void {
    window.location.hash = CASE_HASH + encodeURIComponent(id);
    this.#select(id);
    this.act(id, "accept", {});
  }

  act(id: string, action: ActionName, body: ActionBody): void {
    // The same press is on its way; any other goes beside it: a slow answer must keep nobody from accepting.
    if (!this.#sending.has(press(id, action))) void this.#send(id, action, body);
  }

  async reload(id: string): Promise<void> {
    try {
      const full = await api.oneCase(id);
      this.#learnWhole(full);
      if (id === this.#selected) this.#trouble = "";
    } catch (error) {
      if (this.#hasEnded(error) || id !== this.#selected) return;
      this.#trouble = reason(this.#page.words, error);
    }
    this.#show();
  }

  // How it comes together.

  async #send(id: string, action: ActionName, body: ActionBody): Promise<void> {
    const { words } = this.#page;
    this.#sending.add(press(id, action));
    this.#page.detail.tell(words.sending, false);
    this.#show();
    try {
      const full = await api.act(id, action, body);
      this.#learnWhole(full);
      this.#answer(id, words.done[action] ?? "", false);
      if (action === "note" && id === this.#selected) this.#page.detail.clearNote();
    } catch (error) {
      if (this.#hasEnded(error)) return;
      this.#answer(id, words.failed(reason(words, error, words.noAnswer)), true);
      // Somebody else may have been faster: show what is true now next to the refusal.
      void this.reload(id);
    } finally {
      this.#sending.delete(press(id, action));
      this.#show();
    }
  }

  /** An answer for a case that is no longer in front must not be taken for one about the case that is. */
  #answer(id: string, text: string, isProblem: boolean): void {
    if (id === this.#selected) return this.#page.detail.tell(text, isProblem);
    const about = `${this.#book?.get(id)?.home.label ?? id}: ${text}`;
    if (isProblem) this.#page.complain(about);
    else this.#page.announce(about);
  }

  /** Whether the session is over; then there is only one thing to do. */
  #hasEnded(error: unknown): boolean {
    if (!(error instanceof api.ApiError) || error.status !== 401) return false;
    this.#feed.stop();
    this.onSignedOut();
    return true;
  }

  #learn(one: Case): void {
    this.#book = put(this.#book ?? new Map(), one);
  }

  #learnWhole(full: CaseInFull): void {
    this.#learn(full);
    if (full.id !== this.#selected) return;
    const isOld = this.#full?.id === full.id && Date.parse(this.#full.updated_at) > Date.parse(full.updated_at);
    if (!isOld) this.#full = full;
  }

  #greet(one: Case): void {
    if (one.status !== "open") return;
    const { words } = this.#page;
    const severity = isPreAlarm(one) ? words.preAlarm : (words.severity[one.severity] ?? one.severity);
    this.#page.announce(words.announceNew(severity, one.home.label, summaryOf(one, words)));
    if (one.severity === "high" || isPreAlarm(one)) this.#alarm.chime();
  }

  #announceStatus(one: Case): void {
    const { words } = this.#page;
    this.#page.announce(words.announceStatus(one.home.label, statusOf(one, words)));
  }

  #addLine(id: string, line: FeedLine["line"]): void {
    const full = this.#full;
    if (full && !full.timeline.some((known) => known.id === line.id)) {
      this.#full = { ...full, timeline: [...full.timeline, line] };
    }
    // A line says that something happened; deliveries and contacts come only with the whole case.
    window.clearTimeout(this.#reloadSoon);
    this.#reloadSoon = window.setTimeout(() => void this.reload(id), SETTLE_MS);
  }

  #follow(moveFocus: boolean): void {
    const { hash } = window.location;
    this.#select(hash.startsWith(CASE_HASH) ? decodeURIComponent(hash.slice(CASE_HASH.length)) : null);
    if (!moveFocus) return;
    if (this.#selected) this.#page.detail.focus();
    else document.getElementById("cases-heading")?.focus();
  }

  #select(id: string | null): void {
    if (id === this.#selected) return;
    this.#selected = id;
    this.#full = null;
    this.#trouble = "";
    if (id && this.#me) void this.reload(id);
    this.#show();
    if (id) window.scrollTo({ top: 0 });
  }

  #tick(): void {
    if (!this.#needsSignIn) this.#feed.check();
    this.#readiness.check();
    this.#page.list.tick();
    this.#page.detail.tick();
    this.#showContact();
    this.#alarm.tick();
  }

  #show(): void {
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

  #showDetail(): void {
    const id = this.#selected;
    const one = id ? (this.#book?.get(id) ?? this.#full) : null;
    const full = this.#full?.id === id ? this.#full : null;
    const isSending = [...this.#sending].some((sent) => sent.startsWith(press(id ?? "", "")));
    if (one) this.#page.detail.show(one, full, isSending);
    else this.#page.detail.nothing();
    if (id) this.#page.detail.problem(id, this.#trouble);
  }

  get #contact(): Contact {
    return this.#feed.state === "live" && this.#readiness.trouble ? "delayed" : this.#feed.state;
  }

  #showContact(): void {
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
