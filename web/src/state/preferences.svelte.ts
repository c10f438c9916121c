// What a person set for this browser. Kept in localStorage; without it (private windows) until the page is closed.
import { preferredLanguage, setLanguage, type Language } from "../i18n/index.svelte";

export type Theme = "system" | "light" | "dark";

interface Stored {
  theme: Theme;
  // null: as the browser says.
  language: Language | null;
  // Enter sends and Shift+Enter breaks the line; or Ctrl+Enter sends and Enter breaks it.
  enterSends: boolean;
  sidebar: boolean;
  // The model chosen last, for new chats.
  model: string | null;
  shortcutsOn: boolean;
  // Keys of actions that are not the default ones ("" = none).
  shortcuts: Record<string, string>;
  // What screen readers are told of an answer that is being written.
  announce: "ends" | "sentences";
}

const defaults: Stored = {
  theme: "system",
  language: null,
  enterSends: true,
  sidebar: true,
  model: null,
  shortcutsOn: true,
  shortcuts: {},
  announce: "ends",
};
const place = "hearth.preferences";

function load(): Stored {
  try {
    return { ...defaults, ...(JSON.parse(localStorage.getItem(place) ?? "{}") as Partial<Stored>) };
  } catch {
    return { ...defaults };
  }
}

class Preferences {
  #values = $state(load());

  get<K extends keyof Stored>(name: K): Stored[K] {
    return this.#values[name];
  }

  set<K extends keyof Stored>(name: K, value: Stored[K]) {
    this.#values[name] = value;
    try {
      localStorage.setItem(place, JSON.stringify(this.#values));
    } catch {
      // No storage: the choice holds until the page is closed.
    }
  }

  language(): Language {
    return this.#values.language ?? preferredLanguage(navigator.languages);
  }
}

export const preferences = new Preferences();

// Shows the theme that is set, and follows the system's where none is.
export function applyTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const wish = preferences.get("theme");
    document.documentElement.dataset.theme = wish === "system" ? (dark.matches ? "dark" : "light") : wish;
  };
  dark.addEventListener("change", apply);
  $effect.root(() => {
    $effect(apply);
  });
  apply();
}

export async function applyLanguage(): Promise<void> {
  await setLanguage(preferences.language());
}
