import { readFileSync } from "node:fs";

// Answers as models write them, for tests.
export const answers = readFileSync(new URL("answers.txt", import.meta.url), "utf8").split("\n=====\n");

// A generator of numbers below `limit` that repeats itself (mulberry32), so that a failure can be found again.
export function random(seed: number): (limit: number) => number {
  return (limit) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}

// Cuts text into pieces of 1 to `longest` characters.
export function* pieces(text: string, longest: number, next: (limit: number) => number): Generator<string> {
  for (let at = 0; at < text.length; ) {
    const length = 1 + next(longest);
    yield text.slice(at, at + length);
    at += length;
  }
}

interface Hostile {
  name: string;
  text: string;
  repeat?: string;
  times?: number;
  end?: string;
}

// What a model may be made to write against its reader.
export const hostile = (
  JSON.parse(readFileSync(new URL("hostile.json", import.meta.url), "utf8")) as Hostile[]
).map(({ name, text, repeat = "", times = 0, end = "" }) => ({ name, text: text + repeat.repeat(times) + end }));
