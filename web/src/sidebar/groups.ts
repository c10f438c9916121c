// Chats under the headings that the sidebar has: pinned ones, then by day.
import type { ChatSummary } from "../api/types";
import { dayHeading } from "../i18n/format";
import { t } from "../i18n/index.svelte";

export interface Group {
  heading: string;
  chats: ChatSummary[];
}

// `list` in the order of the sidebar; `now` in Unix milliseconds.
export function groupByDay(list: readonly ChatSummary[], now: number): Group[] {
  const groups: Group[] = [];
  for (const chat of list) {
    const heading = chat.pinned ? t("day.pinned") : dayHeading(chat.updated, now);
    const last = groups.at(-1);
    if (last?.heading === heading) last.chats.push(chat);
    else groups.push({ heading, chats: [chat] });
  }
  return groups;
}
