// Text files that go along with a question.
import type { Attachment } from "../api/types";

// A paste longer than this becomes an attachment, in characters.
export const longPaste = 10_000;
// Files larger than this are no text for a prompt, in bytes.
export const largestFile = 4 * 1024 * 1024;

export type Unreadable = "too_large" | "not_text";

// The file's text, or why it can't be attached. UTF-16 with a mark is understood; anything else must be UTF-8.
export async function readAttachment(file: File): Promise<Attachment | Unreadable> {
  if (file.size > largestFile) return "too_large";
  const bytes = new Uint8Array(await file.arrayBuffer());
  const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  const encoding = utf16 ? (bytes[0] === 0xff ? "utf-16le" : "utf-16be") : "utf-8";
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    if (text.includes("\0")) return "not_text";
    return { name: file.name || "file.txt", text: text.replace(/\r\n?/g, "\n") };
  } catch {
    return "not_text";
  }
}

// `name`, or with a number where there is one of that name already: "notes (2).txt".
export function freeName(name: string, taken: readonly Attachment[]): string {
  const used = new Set(taken.map((attachment) => attachment.name));
  if (!used.has(name)) return name;
  const dot = name.lastIndexOf(".");
  const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  for (let n = 2; ; ++n) if (!used.has(`${stem} (${n})${ending}`)) return `${stem} (${n})${ending}`;
}
