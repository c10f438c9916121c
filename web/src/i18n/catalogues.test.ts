import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Message } from "./message";

const folder = new URL(".", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
const read = (name: string) => JSON.parse(readFileSync(new URL(name, folder), "utf8")) as Record<string, string>;
const english = read("en.json");

test.each(files)("%s has the same keys as English, in messages that take the same values", (name) => {
  const catalogue = read(name);
  expect(Object.keys(catalogue).sort()).toEqual(Object.keys(english).sort());
  for (const [key, text] of Object.entries(catalogue))
    expect([key, [...new Message(text).names()].sort()]).toEqual([
      key,
      [...new Message(english[key]).names()].sort(),
    ]);
});

test("every message is used somewhere", () => {
  const source = new URL("..", import.meta.url);
  const code = readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(svelte|ts)$/.test(name) && !name.endsWith(".test.ts"))
    .map((name) => readFileSync(new URL(name, source), "utf8"))
    .join("\n");
  // Keys are written out, or begin as a template does: t(`theme.${value}`).
  const beginnings = [...code.matchAll(/`([\w.]+)\$\{/g)].map((match) => match[1]);
  const unused = Object.keys(english).filter(
    (key) => !code.includes(`"${key}"`) && !beginnings.some((beginning) => key.startsWith(beginning)),
  );
  expect(unused).toEqual([]);
});

test("plurals follow the language's rules", () => {
  const message = new Message("{count, plural, =0 {no chats} one {# chat} other {# chats}} in {place}");
  expect(message.format("en", { count: 0, place: "A" })).toBe("no chats in A");
  expect(message.format("en", { count: 1, place: "A" })).toBe("1 chat in A");
  expect(message.format("en", { count: 1234, place: "A" })).toBe("1,234 chats in A");
  expect(message.format("fr", { count: 0.5, place: "A" })).toBe("0,5 chat in A");
  expect(() => new Message("{count, plural, one {x}}")).toThrow(SyntaxError);
  expect(() => new Message("a } b")).toThrow(SyntaxError);
});
