// The sound of the desk. Reasons to sound are named, so that muting one silences that one and no later one.
export const CONTACT_LOST = "contact-lost";
const CALL = [[659, 0, 0.45], [880, 0.35, 0.6], [659, 1.1, 0.45], [880, 1.45, 0.7]];
const LOST = [[440, 0, 0.5], [330, 0.5, 0.5], [247, 1, 0.9]];
const CHIME = [[784, 0, 0.4], [988, 0.25, 0.6]];
const REPEAT_MS = 4_000;
const LOUDNESS = 0.35;
export class Alarm {
    #audio = null;
    #reasons = new Set();
    #silenced = new Set();
    #soundedAt = 0;
    /** Browsers let a page sound only after somebody has touched it: call this from a press. */
    async startShift() {
        this.#audio ??= new AudioContext();
        await this.#audio.resume();
        this.#play(CHIME);
        this.#soundedAt = Date.now();
    }
    async endShift() {
        const audio = this.#audio;
        this.#audio = null;
        this.#silenced = new Set();
        await audio?.close();
    }
    get state() {
        // A phone call or a locked screen can take the sound away again: then it is off, whatever was pressed before.
        if (this.#audio?.state !== "running")
            return "off";
        if (this.#reasons.size === 0)
            return "on";
        return this.#loud().length > 0 ? "sounding" : "muted";
    }
    /** Why it must sound now. A reason that has gone may sound anew when it comes back. */
    because(reasons) {
        this.#silenced = new Set([...this.#silenced].filter((reason) => reasons.has(reason)));
        this.#reasons = reasons;
    }
    mute() {
        this.#silenced = new Set(this.#reasons);
    }
    unmute() {
        this.#silenced = new Set();
    }
    chime() {
        if (this.state === "on")
            this.#play(CHIME);
    }
    tick() {
        if (this.state !== "sounding" || Date.now() - this.#soundedAt < REPEAT_MS)
            return;
        this.#soundedAt = Date.now();
        this.#play(this.#loud().some((reason) => reason !== CONTACT_LOST) ? CALL : LOST);
    }
    #loud() {
        return [...this.#reasons].filter((reason) => !this.#silenced.has(reason));
    }
    #play(notes) {
        for (const note of notes)
            if (this.#audio)
                sound(this.#audio, note);
    }
}
function sound(audio, [hertz, at, seconds]) {
    const start = audio.currentTime + at;
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.type = "sine";
    tone.frequency.value = hertz;
    volume.gain.setValueAtTime(0, start);
    volume.gain.linearRampToValueAtTime(LOUDNESS, start + 0.04);
    volume.gain.exponentialRampToValueAtTime(0.001, start + seconds);
    tone.connect(volume).connect(audio.destination);
    tone.start(start);
    tone.stop(start + seconds);
}
