import { expect, test } from "vitest";
import { answers, pieces, random } from "./corpus/corpus";
import { lastCode, SentenceReader, summaryOf, withoutMarks } from "./source";

const words = { code: "Code.", formula: "Formula.", table: "Table." };

test("the last code block, wherever it stands", () => {
  expect(lastCode("```\na\n```\n\n- x\n  ```js\n  b\n  c\n  ```\n\nafter")).toBe("b\nc");
  expect(lastCode("no `code` block")).toBe(null);
});

test("sentences are said once, in order and when they are complete", () => {
  const reader = new SentenceReader(words);
  expect(reader.take("The first. The sec", false)).toBe("The first.");
  expect(reader.take("The first. The second", false)).toBe("");
  expect(reader.take("The first. The second. And", false)).toBe("The second.");
  expect(reader.take("The first. The second. And\n\n```js\ncode", false)).toBe("And");
  expect(reader.take("The first. The second. And\n\n```js\ncode\n```\n\n## **Next**\n\n- a [l](http://x.y)\n", false)).toBe("Code. Next.");
  expect(reader.take("The first. The second. And\n\n```js\ncode\n```\n\n## **Next**\n\n- a [l](http://x.y)\n", true)).toBe("a l");
});

test.each(answers)("what is said does not depend on the pieces: %j", (text) => {
  const whole = new SentenceReader(words).take(text, true);
  const reader = new SentenceReader(words);
  const said: string[] = [];
  let sofar = "";
  for (const piece of pieces(text, 20, random(5))) said.push(reader.take((sofar += piece), false));
  said.push(reader.take(text, true));
  expect(said.filter((part) => part !== "").join(" ")).toBe(whole);
});

test("a summary is one line without marks", () => {
  expect(summaryOf("First I look.\n\n**Checking the units**\n\nThe mass is in kg")).toBe("Checking the units");
  expect(summaryOf("The user asks. I should *compute* it. Now the")).toBe("I should compute it.");
  expect(withoutMarks("1. **a** and `b` of [c](http://d.e), 2 * 3 * 4")).toBe("a and b of c, 2 * 3 * 4");
});
