// Drafts that the server does not keep: of a chat that it does not know yet, and the files of any. For this tab only.
import type { Attachment } from "../api/types";

export interface Draft {
  text: string;
  attachments: Attachment[];
}

const place = (chat: string | null) => `hearth.draft.${chat ?? "new"}`;

export function keptDraft(chat: string | null): Draft {
  try {
    const kept = JSON.parse(sessionStorage.getItem(place(chat)) ?? "{}") as Partial<Draft>;
    return { text: kept.text ?? "", attachments: kept.attachments ?? [] };
  } catch {
    return { text: "", attachments: [] };
  }
}

export function keepDraft(chat: string | null, draft: Draft) {
  try {
    if (draft.text === "" && draft.attachments.length === 0) sessionStorage.removeItem(place(chat));
    else sessionStorage.setItem(place(chat), JSON.stringify(draft));
  } catch {
    // Too much for the browser's storage: it stays as long as the page.
  }
}
