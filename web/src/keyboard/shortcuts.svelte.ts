// Actions by key. Views say what an action does while they are there; people may choose other keys or none.
import type { Key } from "../i18n/index.svelte";
import { preferences } from "../state/preferences.svelte";
import { comboOf, comboText, writes } from "./combo";

interface Definition {
  label: Key;
  keys: string[];
}

export const actions = {
  search: { label: "keys.search", keys: ["Mod+K"] },
  new_chat: { label: "keys.new_chat", keys: ["Mod+Shift+O"] },
  sidebar: { label: "keys.sidebar", keys: ["Mod+B"] },
  model: { label: "keys.model", keys: ["Mod+Shift+M"] },
  chat_settings: { label: "keys.chat_settings", keys: ["Mod+Shift+P"] },
  rename: { label: "keys.rename", keys: ["Mod+Shift+E"] },
  copy_answer: { label: "keys.copy_answer", keys: ["Mod+Shift+C"] },
  copy_code: { label: "keys.copy_code", keys: ["Mod+Shift+;"] },
  regenerate: { label: "keys.regenerate", keys: ["Mod+Shift+Enter"] },
  previous_message: { label: "keys.previous_message", keys: ["Alt+ArrowUp", "K"] },
  next_message: { label: "keys.next_message", keys: ["Alt+ArrowDown", "J"] },
  previous_branch: { label: "keys.previous_branch", keys: ["ArrowLeft"] },
  next_branch: { label: "keys.next_branch", keys: ["ArrowRight"] },
  stop: { label: "keys.stop", keys: ["Escape"] },
  composer: { label: "keys.composer", keys: ["Shift+Escape"] },
  settings: { label: "keys.settings", keys: ["Mod+.", "Mod+,"] },
  help: { label: "keys.help", keys: ["Mod+/", "?"] },
} as const satisfies Record<string, Definition>;

export type Action = keyof typeof actions;

// Does the action; false: not now, so the key keeps its own meaning.
type Act = () => boolean | void;

const acts = new Map<Action, Act[]>();

// Returns what takes it back. The latest one counts.
export function onAction(action: Action, act: Act): () => void {
  const list = acts.get(action) ?? [];
  list.push(act);
  acts.set(action, list);
  return () => void list.splice(list.indexOf(act), 1);
}

export function keysOf(action: Action): string[] {
  const own = preferences.get("shortcuts")[action];
  if (own === undefined) return [...actions[action].keys];
  return own ? [own] : [];
}

// The first of an action's keys, for tooltips and menus; "" where there is none.
export function keysText(action: Action): string {
  if (!preferences.get("shortcutsOn")) return "";
  return comboText(keysOf(action)[0] ?? "");
}

function inField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

export function perform(action: Action): boolean {
  const act = acts.get(action)?.at(-1);
  return act ? act() !== false : false;
}

function pressed(event: KeyboardEvent) {
  if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return;
  const combo = comboOf(event);
  if (!combo) return;
  // Stopping must always be possible; the rest may be turned off.
  const on = preferences.get("shortcutsOn");
  if (!on && combo !== "Escape") return;
  // A dialog has its own keys.
  if (document.querySelector("dialog[open]")) return;
  if (writes(combo) && inField(event.target)) return;
  for (const action of Object.keys(actions) as Action[]) {
    if (!keysOf(action).includes(combo)) continue;
    if (perform(action)) {
      event.preventDefault();
      return;
    }
  }
}

export function listenForShortcuts() {
  addEventListener("keydown", pressed);
}
