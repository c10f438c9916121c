import { expect, test } from "vitest";
import { comboOf, comboText, reserved, writes, type Pressed } from "./combo";

function press(key: string, code: string, ...held: string[]): Pressed {
  return {
    key,
    code,
    ctrlKey: held.includes("ctrl"),
    metaKey: held.includes("meta"),
    altKey: held.includes("alt"),
    shiftKey: held.includes("shift"),
  };
}

test("combinations have one name, whatever the keyboard's layout", () => {
  expect(comboOf(press("k", "KeyK", "ctrl"), false)).toBe("Mod+K");
  expect(comboOf(press("k", "KeyK", "meta"), true)).toBe("Mod+K");
  expect(comboOf(press("O", "KeyO", "ctrl", "shift"), false)).toBe("Mod+Shift+O");
  // US: Shift makes ':' of ';'.
  expect(comboOf(press(":", "Semicolon", "ctrl", "shift"), false)).toBe("Mod+Shift+;");
  // German: '/' is Shift+7, '?' is Shift+ß.
  expect(comboOf(press("/", "Digit7", "ctrl", "shift"), false)).toBe("Mod+/");
  expect(comboOf(press("?", "Minus", "shift"), false)).toBe("?");
  expect(comboOf(press("?", "Slash", "shift"), false)).toBe("?");
  // Russian: the key K writes 'л'.
  expect(comboOf(press("л", "KeyK", "ctrl"), false)).toBe("Mod+K");
  expect(comboOf(press("ArrowUp", "ArrowUp", "alt"), false)).toBe("Alt+ArrowUp");
  expect(comboOf(press("Shift", "ShiftLeft", "shift"), false)).toBe("");
});

test("combinations read as people write them", () => {
  expect(comboText("Mod+Shift+O", false)).toBe("Ctrl+Shift+O");
  expect(comboText("Mod+Shift+O", true)).toBe("⌘⇧O");
  expect(comboText("Alt+ArrowUp", false)).toBe("Alt+↑");
});

test("single letters write, and the browser's own keys are left alone", () => {
  expect(writes("J")).toBe(true);
  expect(writes("?")).toBe(true);
  expect(writes("Mod+K")).toBe(false);
  expect(writes("Escape")).toBe(false);
  expect(writes("Shift+Escape")).toBe(false);
  expect(reserved("Mod+R")).toBe(true);
  expect(reserved("Mod+K")).toBe(false);
});
