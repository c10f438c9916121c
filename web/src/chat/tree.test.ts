import { expect, test } from "vitest";
import type { Message } from "../api/types";
import { leafBelow, newestLeaf, pathTo, siblings, subtree, turns, type Messages } from "./tree";

function chat(...rows: [id: string, parent: string | null, role: Message["role"]][]): Messages {
  const messages: Messages = {};
  rows.forEach(([id, parent, role], created) => {
    messages[id] = { id, parent, role, created } as Message;
  });
  return messages;
}

// q1 has two answers; after the first, the second question was edited.
const messages = chat(
  ["q1", null, "user"],
  ["a1", "q1", "assistant"],
  ["q2", "a1", "user"],
  ["a2", "q2", "assistant"],
  ["q2b", "a1", "user"],
  ["a2b", "q2b", "assistant"],
  ["a1b", "q1", "assistant"],
);
const ids = (list: Message[]) => list.map((message) => message.id);

test("a path goes from the first message to its leaf", () => {
  expect(ids(pathTo(messages, "a2"))).toEqual(["q1", "a1", "q2", "a2"]);
  expect(pathTo(messages, "gone")).toEqual([]);
  expect(pathTo(messages, null)).toEqual([]);
});

test("branches are siblings in order of age, and lead to their newest end", () => {
  expect(ids(siblings(messages, messages.q2b))).toEqual(["q2", "q2b"]);
  expect(ids(siblings(messages, messages.a1))).toEqual(["a1", "a1b"]);
  expect(leafBelow(messages, "a1")).toBe("a2b");
  expect(leafBelow(messages, "q2")).toBe("a2");
  expect(newestLeaf(messages)).toBe("a1b");
  expect(newestLeaf({})).toBe(null);
});

test("a subtree is what goes when a message is deleted", () => {
  expect(subtree(messages, "a1").sort()).toEqual(["a1", "a2", "a2b", "q2", "q2b"]);
});

test("turns hold a question and its answers", () => {
  const path = pathTo(messages, "a2b");
  expect(turns(path).map((turn) => [turn.id, ids(turn.messages)])).toEqual([
    ["q1", ["q1", "a1"]],
    ["q2b", ["q2b", "a2b"]],
  ]);
});

test("a loop in damaged data ends", () => {
  const loop = chat(["a", "b", "user"], ["b", "a", "assistant"]);
  expect(pathTo(loop, "a").length).toBe(2);
  expect(["a", "b"]).toContain(leafBelow(loop, "a"));
});
