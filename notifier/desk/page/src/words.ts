import { ApiError } from "./api.js";
import { english } from "./words_en.js";
import { chinese } from "./words_zh.js";

export type Words = typeof english;

const KEPT_AS = "carebell.language";

export function chosenWords(): Words {
  return byTag(kept() ?? navigator.language);
}

export function otherWords(words: Words): Words {
  const other = words === english ? chinese : english;
  try {
    localStorage.setItem(KEPT_AS, other.tag);
  } catch (error) {
    // Private windows refuse storage: the switch still works, it is only not remembered.
    console.info("language not kept", error);
  }
  return other;
}

/** Why something failed, in a sentence for people: the server's own where it gave one. */
export function reason(words: Words, error: unknown, silent = words.noAnswerRead): string {
  if (!(error instanceof ApiError)) return String(error);
  if (error.status === 0) return silent;
  const said = error.detail || error.title;
  return said === "" ? words.serverFault(error.status) : words.refused(said);
}

function byTag(tag: string): Words {
  return tag.toLowerCase().startsWith("zh") ? chinese : english;
}

function kept(): string | null {
  try {
    return localStorage.getItem(KEPT_AS);
  } catch {
    return null;
  }
}
