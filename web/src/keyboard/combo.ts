// Key combinations as text: "Mod+Shift+O", "Alt+ArrowUp", "?". Mod is ⌘ on Apple's systems and Ctrl elsewhere.

export const apple = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.platform);

export interface Pressed {
  key: string;
  code: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

const marks: Record<string, string> = { Semicolon: ";", Period: ".", Comma: ",", Slash: "/" };
const letter = /^[a-z]$/;

// The combination that is pressed; "" while it is modifiers alone.
export function comboOf(event: Pressed, onApple = apple): string {
  if (["Control", "Meta", "Alt", "Shift", "Dead", "Process", "Unidentified"].includes(event.key)) return "";
  const mod = onApple ? event.metaKey : event.ctrlKey;
  const other = onApple ? event.ctrlKey : event.metaKey;
  const parts: string[] = [];
  if (mod) parts.push("Mod");
  if (other) parts.push(onApple ? "Ctrl" : "Meta");
  if (event.altKey) parts.push("Alt");
  let key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const modified = parts.length > 0;
  // Layouts without Latin letters still have their places; with modifiers, Shift turns ; into : on many layouts.
  if (modified && !letter.test(key) && /^Key[A-Z]$/.test(event.code)) key = event.code[3].toLowerCase();
  let shift = event.shiftKey;
  if (key.length === 1 && !letter.test(key)) {
    if (shift && modified && marks[event.code] && marks[event.code] !== key) key = marks[event.code];
    // The mark itself says that Shift was needed for it ("?", or "/" on a German keyboard).
    else shift = false;
  }
  if (shift) parts.push("Shift");
  parts.push(key.length === 1 ? key.toUpperCase() : key);
  return parts.join("+");
}

const names: Record<string, string> = {
  ArrowUp: "↑",
  ArrowDown: "↓",
  ArrowLeft: "←",
  ArrowRight: "→",
  Escape: "Esc",
};

// As people read it: "Ctrl+Shift+O", "⇧⌘O".
export function comboText(combo: string, onApple = apple): string {
  if (!combo) return "";
  const parts = combo.split("+").map((part) => names[part] ?? part);
  if (!onApple) return parts.map((part) => (part === "Mod" ? "Ctrl" : part)).join("+");
  const signs: Record<string, string> = { Mod: "⌘", Ctrl: "⌃", Alt: "⌥", Shift: "⇧" };
  return parts.map((part) => signs[part] ?? part).join("");
}

// Whether it writes something in a text field.
export function writes(combo: string): boolean {
  return !/(^|\+)(Mod|Ctrl|Meta|Alt)\+/.test(combo) && combo !== "Escape" && !/^(Shift\+)?(F\d+|Escape)$/.test(combo);
}

// Browsers keep these for themselves, or people need them too much: reload, close, new tab, address, find.
export function reserved(combo: string): boolean {
  return ["Mod+R", "Mod+W", "Mod+T", "Mod+L", "Mod+F", "Mod+N", "Mod+Q", "Tab", "Shift+Tab", "Enter"].includes(combo);
}
