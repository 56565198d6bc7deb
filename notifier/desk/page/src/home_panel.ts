import { now } from "./clock.js";
import { h, type Child } from "./dom.js";
import type { Contact, HomeInFull, Resident, Service } from "./types.js";
import type { Words } from "./words.js";

/** What a responder needs at the door and on the phone. */
export function homePanel(home: HomeInFull, words: Words): HTMLElement {
  const facts = h("dl", { class: "facts" });
  fact(facts, words.address, home.address);
  fact(facts, words.residents, ...home.residents.flatMap((one) => residentLines(one, words)));
  fact(facts, words.keys, home.keys ?? "");
  fact(facts, words.keySafe, home.key_safe ?? "");
  fact(facts, words.notes, home.notes ?? "");
  fact(facts, words.contacts, ...(home.contacts ?? []).map((one) => contactLine(one, words)));
  fact(facts, words.services, ...(home.services ?? []).map((one) => serviceLine(one, words)));
  const devices = (home.devices ?? []).map((one) =>
    h("p", {}, [one.place, one.model, one.device_id].filter((part) => part).join(" · ")),
  );
  fact(facts, words.devices, ...devices);
  if (!facts.hasChildNodes()) return h("p", { class: "quiet" }, words.nothingKnown);
  return facts;
}

function fact(list: HTMLElement, name: string, ...values: readonly Child[]): void {
  if (values.every((value) => value === "")) return;
  list.append(h("div", { class: "fact" }, h("dt", {}, name), h("dd", {}, ...values)));
}

/** The person, and below what a helper at the door must know. */
function residentLines(one: Resident, words: Words): readonly HTMLElement[] {
  const known: readonly (readonly [string, string])[] = [
    [words.conditions, one.conditions ?? ""],
    [words.medication, one.medication ?? ""],
  ];
  const said = known.filter(([, text]) => text !== "");
  const below = said.map(([name, text]) => h("p", { class: "resident-health" }, words.named(name, text)));
  return [h("p", {}, residentText(one, words)), ...below];
}

function residentText(one: Resident, words: Words): string {
  const notes = one.notes ? ` – ${one.notes}` : "";
  if (!one.birth_year) return one.name + notes;
  const age = new Date(now()).getFullYear() - one.birth_year;
  return `${one.name} (${words.born(one.birth_year, age)})${notes}`;
}

function phoneLink(name: string, phone: string): HTMLElement {
  const href = `tel:${phone.replace(/[^+\d]/g, "")}`;
  return h("a", { class: "phone", href, "aria-label": `${name} ${phone}` }, phone);
}

function contactLine(one: Contact, words: Words): HTMLElement {
  const about = [one.relation, one.has_key ? words.hasKey : "", (one.hours ?? []).join(", ")];
  return personLine(one.name, about, one.phones, words);
}

function serviceLine(one: Service, words: Words): HTMLElement {
  return personLine(one.name, [words.tiers[one.role] ?? one.role], one.phones, words);
}

function personLine(who: string, about: readonly string[], numbers: readonly string[], words: Words): HTMLElement {
  const name = h("span", { class: "contact-name" }, who);
  const quiet = h("span", { class: "quiet" }, about.filter((part) => part).join(" · "));
  const phones = numbers.map((phone) => phoneLink(who, phone));
  const none = phones.length === 0 ? h("span", { class: "quiet" }, words.noPhone) : null;
  return h("div", { class: "contact" }, h("span", { class: "contact-who" }, name, " ", quiet), ...phones, none);
}
