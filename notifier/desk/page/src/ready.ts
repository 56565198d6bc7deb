const ASK_EVERY_MS = 3_000;
const ANSWER_WITHIN_MS = 4_000;

/** What the server says is wrong with it, by check. Trouble without problems: it gave no answer that can be read. */
export interface Trouble {
  readonly problems: Readonly<Record<string, string>>;
}

/** A feed can be alive while no call can come in: so the page asks whether whoever serves it can do its work. */
export class Readiness {
  #trouble: Trouble | null = null;
  #askedAt = 0;
  #isAsking = false;

  constructor(private readonly onChange: () => void) {}

  get trouble(): Trouble | null {
    return this.#trouble;
  }

  /** To be called each second. */
  check(): void {
    if (this.#isAsking || Date.now() - this.#askedAt < ASK_EVERY_MS) return;
    this.#askedAt = Date.now();
    this.#isAsking = true;
    void ask().then((trouble) => {
      this.#isAsking = false;
      const isNews = JSON.stringify(trouble) !== JSON.stringify(this.#trouble);
      this.#trouble = trouble;
      if (isNews) this.onChange();
    });
  }
}

/** Null only for a clear yes: a proxy's own page is none, whatever its status. */
async function ask(): Promise<Trouble | null> {
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
  try {
    const response = await fetch("/readyz", { cache: "no-store", credentials: "same-origin", signal });
    const { ok, problems } = (await response.json()) as { ok?: unknown; problems?: Record<string, string> };
    return response.ok && ok === true ? null : { problems: problems ?? {} };
  } catch {
    return { problems: {} };
  }
}
