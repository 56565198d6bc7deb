import { ApiError } from "./api.js";
import type { FeedLine } from "./types.js";

export type FeedState = "connecting" | "live" | "lost";
/** What a person is shown: a live feed promises nothing while calls cannot come in. */
export type Contact = FeedState | "delayed";

export interface FeedListener {
  /** Reads everything anew and says from which feed id on to listen. */
  load(): Promise<number>;
  onLine(line: FeedLine): void;
  onHeartbeat(at: string): void;
  onState(state: FeedState): void;
  onSignedOut(): void;
}

const SILENCE_MS = 12_000;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 10_000;

/** The live feed. It trusts only what it hears: an open connection that is silent counts as lost. */
export class Feed {
  #source: EventSource | null = null;
  #state: FeedState = "connecting";
  #heardAt = Date.now();
  #openedAt = 0;
  #attempt = 0;
  #retry: number | undefined;
  #run = 0;

  constructor(private readonly listener: FeedListener) {}

  get state(): FeedState {
    return this.#state;
  }

  get silentMs(): number {
    return Math.max(0, Date.now() - this.#heardAt);
  }

  start(): void {
    this.stop();
    this.#heardAt = Date.now();
    this.#become("connecting");
    void this.#connect(this.#run);
  }

  stop(): void {
    this.#run += 1;
    this.#drop();
    window.clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#attempt = 0;
  }

  /** To be called each second: a connection that died without a word is found only by its silence. */
  check(): void {
    if (this.silentMs <= SILENCE_MS) return;
    this.#become("lost");
    if (this.#source && Date.now() - this.#openedAt > SILENCE_MS) this.#again();
  }

  async #connect(run: number): Promise<void> {
    try {
      const feedId = await this.listener.load();
      if (run === this.#run) this.#listen(feedId);
    } catch (error) {
      if (run !== this.#run) return;
      if (error instanceof ApiError && error.status === 401) this.#end();
      else {
        if (!(error instanceof ApiError)) console.error(error);
        this.#again();
      }
    }
  }

  #end(): void {
    this.stop();
    this.listener.onSignedOut();
  }

  #listen(feedId: number): void {
    const source = new EventSource(`/api/v1/feed?after=${feedId}`);
    this.#source = source;
    this.#openedAt = Date.now();
    source.addEventListener("open", () => this.#heard());
    source.addEventListener("error", () => this.#failed(source));
    source.addEventListener("reset", () => this.#reload());
    source.addEventListener("heartbeat", (event) => {
      this.#settled();
      this.listener.onHeartbeat((JSON.parse(event.data) as { at: string }).at);
    });
    source.addEventListener("line", (event) => {
      this.#settled();
      this.listener.onLine(JSON.parse(event.data) as FeedLine);
    });
  }

  #heard(): void {
    this.#heardAt = Date.now();
    this.#become("live");
  }

  #settled(): void {
    this.#attempt = 0;
    this.#heard();
  }

  #failed(source: EventSource): void {
    if (source !== this.#source) return;
    if (this.#state === "live") this.#become("connecting");
    // While it is CONNECTING the browser resumes by itself after the last id; once CLOSED it never will.
    if (source.readyState === EventSource.CLOSED) this.#again();
  }

  #reload(): void {
    this.#heardAt = Date.now();
    this.#drop();
    void this.#connect(this.#run);
  }

  /** Jitter, so that the desks of a whole service do not come back in the same instant. */
  #again(): void {
    this.#drop();
    const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempt) * (0.5 + Math.random());
    this.#attempt += 1;
    window.clearTimeout(this.#retry);
    this.#retry = window.setTimeout(() => void this.#connect(this.#run), delay);
  }

  #drop(): void {
    this.#source?.close();
    this.#source = null;
  }

  #become(state: FeedState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.listener.onState(state);
  }
}
