import { h, say } from "./dom.js";
import type { Trouble } from "./ready.js";
import type { Words } from "./words.js";

export interface BannerShown {
  readonly isLost: boolean;
  readonly silentMs: number;
  readonly trouble: Trouble | null;
  readonly phone: string;
}

export interface Banner {
  readonly node: HTMLElement;
  show(shown: BannerShown): void;
}

/** What goes on changing is kept out of the spoken alert, which would otherwise start again each second. */
export function makeBanner(words: Words): Banner {
  const seconds = h("span", { "aria-live": "off" });
  const phoneLine = h("span", { class: "banner-phone" });
  // The server says what is wrong in English only.
  const problems = h("p", { class: "banner-problems", "data-testid": "problems", "aria-live": "off" });
  const node = h("div", { class: "banner", role: "alert", "data-testid": "feed-banner", hidden: true });
  const lost = [h("strong", {}, words.lostBefore, seconds, words.lostAfter), " ", phoneLine, " ", words.lostRetry];
  const delayed = [h("strong", {}, words.delayed), " ", phoneLine, " ", words.delayedGoesOn, problems];
  const nothing: typeof lost = [];
  let told = nothing;
  const show = ({ isLost, silentMs, trouble, phone }: BannerShown): void => {
    const named = Object.entries(trouble?.problems ?? {}).map(([name, problem]) => `${name}: ${problem}`);
    say(seconds, String(Math.floor(silentMs / 1000)));
    say(phoneLine, phone ? words.lostPhone(phone) : words.lostPhoneUnknown);
    say(problems, named.join(" · ") || words.noAnswerRead);
    problems.lang = named.length > 0 ? "en" : words.tag;
    const wanted = isLost ? lost : trouble ? delayed : nothing;
    if (wanted === told) return;
    told = wanted;
    node.hidden = wanted === nothing;
    node.replaceChildren(...wanted);
  };
  return { node, show };
}
