import { beforeAll, expect, test } from "vitest";
import type { ChatSummary } from "../api/types";
import { setLanguage } from "../i18n/index.svelte";
import { groupByDay } from "./groups";

beforeAll(() => setLanguage("en"));

test("chats stand under the day they were last used, pinned ones first", () => {
  const now = new Date(2026, 4, 20, 9, 0).getTime();
  const at = (id: string, date: Date, pinned = false) => ({ id, updated: date.getTime(), pinned }) as ChatSummary;
  const groups = groupByDay(
    [
      at("pinned", new Date(2025, 0, 1), true),
      at("now", new Date(2026, 4, 20, 0, 1)),
      at("evening", new Date(2026, 4, 19, 23, 59)),
      at("week", new Date(2026, 4, 15)),
      at("month", new Date(2026, 3, 30)),
      at("old", new Date(2026, 1, 3)),
      at("old too", new Date(2026, 1, 1)),
    ],
    now,
  );
  expect(groups.map(({ heading, chats }) => [heading, chats.map(({ id }) => id)])).toEqual([
    ["Pinned", ["pinned"]],
    ["Today", ["now"]],
    ["Yesterday", ["evening"]],
    ["Friday", ["week"]],
    ["Previous 30 days", ["month"]],
    ["February 2026", ["old", "old too"]],
  ]);
});
