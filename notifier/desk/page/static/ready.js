const ASK_EVERY_MS = 3_000;
const ANSWER_WITHIN_MS = 4_000;
/** A feed can be alive while no call can come in: so the page asks whether whoever serves it can do its work. */
export class Readiness {
    onChange;
    #trouble = null;
    #askedAt = 0;
    #isAsking = false;
    constructor(onChange) {
        this.onChange = onChange;
    }
    get trouble() {
        return this.#trouble;
    }
    /** To be called each second. */
    check() {
        if (this.#isAsking || Date.now() - this.#askedAt < ASK_EVERY_MS)
            return;
        this.#askedAt = Date.now();
        this.#isAsking = true;
        void ask().then((trouble) => {
            this.#isAsking = false;
            const isNews = JSON.stringify(trouble) !== JSON.stringify(this.#trouble);
            this.#trouble = trouble;
            if (isNews)
                this.onChange();
        });
    }
}
/** Null only for a clear yes: a proxy's own page is none, whatever its status. */
async function ask() {
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
    try {
        const response = await fetch("/readyz", { cache: "no-store", credentials: "same-origin", signal });
        const { ok, problems } = (await response.json());
        return response.ok && ok === true ? null : { problems: problems ?? {} };
    }
    catch {
        return { problems: {} };
    }
}
