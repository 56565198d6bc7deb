import { h, say } from "./dom.js";
import type { Words } from "./words.js";

export interface Banner {
  readonly node: HTMLElement;
  show(isLost: boolean, silentMs: number, phone: string): void;
}

/** The counting seconds are kept out of the spoken alert, which would otherwise start again each second. */
export function makeBanner(words: Words): Banner {
  const seconds = h("span", { "aria-live": "off" });
  const phoneLine = h("span", { class: "banner-phone" });
  const node = h("div", { class: "banner", role: "alert", "data-testid": "feed-banner", hidden: true });
  const show = (isLost: boolean, silentMs: number, phone: string): void => {
    say(seconds, String(Math.floor(silentMs / 1000)));
    say(phoneLine, phone ? words.lostPhone(phone) : words.lostPhoneUnknown);
    if (isLost === !node.hidden) return;
    node.hidden = !isLost;
    const sentence = h("strong", {}, words.lostBefore, seconds, words.lostAfter);
    node.replaceChildren(...(isLost ? [sentence, " ", phoneLine, " ", words.lostRetry] : []));
  };
  return { node, show };
}
