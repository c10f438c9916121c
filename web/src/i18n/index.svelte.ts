// The page's strings: t("chat.new"). Every string that people see or hear comes from a catalogue (LANGUAGE.json).
import { Message, type Values } from "./message";
import type english from "./en.json";

export type Key = keyof typeof english;

export const languages = {
  en: "English",
  de: "Deutsch",
  es: "Español",
  fr: "Français",
  zh: "中文",
} as const;
export type Language = keyof typeof languages;

const catalogues = import.meta.glob<Record<string, string>>("./*.json", { import: "default" });

let language = $state<Language>("en");
let catalogue = $state.raw<Record<string, string>>({});
let compiled = new Map<string, Message>();

// The first of the browser's languages that there is a catalogue for.
export function preferredLanguage(wished: readonly string[]): Language {
  for (const tag of wished) {
    const base = tag.toLowerCase().split("-")[0];
    if (base in languages && `./${base}.json` in catalogues) return base as Language;
  }
  return "en";
}

// Resolves when t() speaks the language. Rejects where its catalogue can't be loaded; t() goes on as before.
export async function setLanguage(wish: Language): Promise<void> {
  const load = catalogues[`./${wish}.json`];
  if (!load) throw new Error(`no catalogue for ${wish}`);
  const loaded = await load();
  compiled = new Map();
  catalogue = loaded;
  language = wish;
  if (typeof document !== "undefined") document.documentElement.lang = wish;
}

export function currentLanguage(): Language {
  return language;
}

export function t(key: Key, values: Values = {}): string {
  const text = catalogue[key];
  if (text === undefined) return key;
  let message = compiled.get(key);
  if (!message) compiled.set(key, (message = new Message(text)));
  return message.format(language, values);
}
