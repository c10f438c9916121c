// What can be said of an answer from its text alone.
import { BlockParser, isContainer, paragraphText, type Block } from "./blocks";

// The code of the last code block; null: there is none.
export function lastCode(text: string): string | null {
  const parser = new BlockParser();
  parser.append(text);
  parser.finish();
  const find = (block: Block): string | null => {
    if (block.kind === "code") return block.parts.join("").replace(/\n+$/, "");
    if (!isContainer(block)) return null;
    for (const child of [...block.children].reverse()) {
      const found = find(child);
      if (found !== null) return found;
    }
    return null;
  };
  return find(parser.root);
}

// A line of Markdown as it would be said.
export function withoutMarks(text: string): string {
  return text
    .replace(/^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-*+][ \t]+|\d{1,9}[.)][ \t]+)+/gm, "")
    .replace(/!?\[([^\]]*)\]\([^()\s]*(?:\s[^()]*)?\)/g, "$1")
    .replace(/(\*\*|__|~~|`+)(?=\S)(.+?)(?<=\S)\1/g, "$2")
    .replace(/(?<![\p{L}\p{N}*])\*(?=\S)([^*\n]+)(?<=\S)\*/gu, "$1")
    .replace(/\\([()[\]$*_`#])/g, "$1")
    .replace(/\s+/g, " ")
    .trim();
}

// One line that says what a text has come to: its last heading or bold line, else the last sentence that is complete.
export function summaryOf(text: string): string {
  const end = text.slice(-2000);
  const line = end
    .split("\n")
    .filter((part) => /^\s*(?:#{1,6}\s+\S|\*\*[^*]+\*\*:?\s*$)/.test(part))
    .at(-1);
  const tail = line ? end.slice(end.lastIndexOf(line)) : end;
  if (line && tail.length < 600) return withoutMarks(line).replace(/:$/, "");
  const said = withoutMarks(end.slice(end.lastIndexOf("\n\n", end.length - 40) + 1));
  const sentences = said.match(/[^.!?。！？]+[.!?。！？]+["'”’)]*(?=\s|$)/g);
  return (sentences?.at(-1) ?? said).trim();
}

// Gives the sentences of a text that grows, each once and only when it is complete; of a code block it says that there
// is one.
export class SentenceReader {
  #parser = new BlockParser();
  #read = 0;
  // The first block that is not said whole.
  #block = 0;
  // Sentences of that block.
  #said = 0;

  constructor(private readonly words: { code: string; formula: string; table: string }) {}

  // What is new in `text`, which goes on from the last one.
  take(text: string, done: boolean): string {
    this.#parser.append(text.slice(this.#read));
    this.#read = text.length;
    if (done) this.#parser.finish();
    else if (this.#parser.partialLine !== "") this.#parser.preview(this.#parser.partialLine);
    const out: string[] = [];
    const { children } = this.#parser.root;
    for (; this.#block < children.length; ++this.#block) {
      const block = children[this.#block];
      if (!block.final && block.kind !== "paragraph") break;
      const sentences = this.#sayable(block).match(/.+?(?:[.!?][^\s\p{L}\p{N}]*(?=\s|$)|[。！？]|$)/gsu) ?? [];
      // The last one of a paragraph that grows is not complete.
      const count = block.final ? sentences.length : sentences.length - 1;
      out.push(...sentences.slice(this.#said, count).map((sentence) => sentence.trim()));
      this.#said = Math.max(this.#said, count);
      if (!block.final) break;
      this.#said = 0;
    }
    return out.filter((part) => part !== "").join(" ");
  }

  #sayable(block: Block): string {
    if (isContainer(block)) return block.children.map((child) => this.#sayable(child)).join(" ");
    if (block.kind === "paragraph") return withoutMarks(paragraphText(block));
    if (block.kind === "heading") return `${withoutMarks(block.text)}.`;
    if (block.kind === "code") return this.words.code;
    if (block.kind === "math") return this.words.formula;
    return block.kind === "table" ? this.words.table : "";
  }
}
