import { expect, test } from "vitest";
import { chatAddress, parseRoute } from "./router.svelte";

test("addresses name places", () => {
  expect(parseRoute("")).toEqual({ view: "chat", chat: null, message: null });
  expect(parseRoute("#/models")).toEqual({ view: "models" });
  expect(parseRoute("#/elsewhere/x")).toEqual({ view: "chat", chat: null, message: null });
  expect(parseRoute(chatAddress("a/b", "m 1"))).toEqual({ view: "chat", chat: "a/b", message: "m 1" });
  expect(parseRoute("#/chat/%E0%A4%A")).toEqual({ view: "chat", chat: "%E0%A4%A", message: null });
});
