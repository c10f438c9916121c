// The block structure of Markdown, read line by line as an answer grows (CommonMark 0.31 section 3 and appendix A, and
// GFM's tables and task lists). Each line is looked at once, so the cost of new text does not depend on what came
// before it; a renderer that keeps whole blocks can leave the closed ones alone.
//
// What stands inside a block is not looked at here: paragraphs, headings and cells keep their source. Raw HTML is no
// block of its own, it is text. A display formula ($$ or \[ at the start of a line) is a block.

import {
  atxHeading,
  closesFence,
  definition,
  delimiterRow,
  expandIndent,
  fenceStart,
  indentOf,
  isBlank,
  isRule,
  listMarker,
  mathStart,
  setextUnderline,
  splitRow,
  taskMark,
  type Align,
  type ListMarker,
} from "./lines";

interface Base {
  // Whether it may still grow, and whether it never changes again (a preview may close a block for a while).
  open: boolean;
  final: boolean;
}

export interface Container extends Base {
  kind: "root" | "quote" | "list" | "item";
  children: Block[];
  // Lists: items apart from one another by blank lines.
  loose: boolean;
  marker: ListMarker | null;
  // Items: columns that the content is indented by, and the state of the box in front.
  indent: number;
  task: boolean | null;
}

export interface Paragraph extends Base {
  kind: "paragraph";
  lines: string[];
  length: number;
  // Which part of a paragraph it is that grew too long to be read again with each new word; 0: the first.
  part: number;
}

export interface Heading extends Base {
  kind: "heading";
  level: number;
  text: string;
}

export interface Rule extends Base {
  kind: "rule";
}

export interface Code extends Base {
  kind: "code";
  // The characters that end it; null: an indented block.
  fence: string | null;
  indent: number;
  info: string;
  // With their line ends. A line longer than maxLine comes in several parts.
  parts: string[];
}

export interface MathBlock extends Base {
  kind: "math";
  opener: "$$" | "\\[";
  // The line it began with, in case it turns out to be no formula.
  source: string[];
  tex: string;
}

export interface Table extends Base {
  kind: "table";
  align: Align[];
  header: string[];
  rows: string[][];
}

export type Leaf = Paragraph | Heading | Rule | Code | MathBlock | Table;
export type Block = Container | Leaf;

export interface Reference {
  href: string;
  title: string | null;
}

export const isContainer = (block: Block): block is Container => "children" in block;

// A line or paragraph longer than this is taken in parts: reading a paragraph again with each new word must stay cheap.
export const maxLine = 2048;
const maxDepth = 24;
const maxFormula = 8192;

const container = (kind: Container["kind"]): Container => ({
  kind,
  open: true,
  final: false,
  children: [],
  loose: false,
  marker: null,
  indent: 0,
  task: null,
});

const paragraphOf = (lines: string[], part = 0): Paragraph => ({
  kind: "paragraph",
  open: true,
  final: false,
  lines,
  length: lines.reduce((sum, line) => sum + line.length, 0),
  part,
});

const sameList = (list: Container, marker: ListMarker) => list.marker?.kind === marker.kind;

export const paragraphText = (block: Paragraph) => block.lines.join("\n");

export class BlockParser {
  readonly root = container("root");
  // Link reference definitions, by label in lower case.
  readonly references = new Map<string, Reference>();
  // The open containers, outermost first.
  #stack: Container[] = [this.root];
  #afterBlank = false;
  // Text without its line end yet, and how many characters of its line are taken already.
  #rest = "";
  #midLine = false;
  // Undoes what preview() did, latest last.
  #undo: (() => void)[] | null = null;

  // Takes more of the text; what is complete becomes part of the tree.
  append(text: string) {
    this.settle();
    this.#rest += text.replaceAll("\0", "\uFFFD");
    let start = 0;
    for (;;) {
      let end = this.#rest.indexOf("\n", start);
      if (end >= 0 && end - start <= maxLine) {
        this.#take(this.#rest.slice(start, end).replace(/\r$/, ""), true);
        start = end + 1;
        continue;
      }
      if (this.#rest.length - start <= maxLine) break;
      end = cutBefore(this.#rest, start + maxLine);
      this.#take(this.#rest.slice(start, end), false);
      start = end;
    }
    this.#rest = this.#rest.slice(start);
  }

  // Nothing follows: the last line is complete, and all blocks are.
  finish() {
    this.settle();
    if (this.#rest !== "") this.#take(this.#rest.replace(/\r$/, ""), true);
    this.#rest = "";
    const tip = this.tip();
    if (tip?.kind === "math") this.#abandonMath(tip);
    this.#closeTo(1);
    const last = this.root.children.at(-1);
    if (last) this.#close(last);
    this.#close(this.root);
  }

  // The line that has no end yet.
  get partialLine(): string {
    return this.#rest;
  }

  // Takes `line`, the shown part of partialLine, as if it were complete, until settle().
  preview(line: string) {
    this.settle();
    const stack = [...this.#stack];
    const [afterBlank, midLine] = [this.#afterBlank, this.#midLine];
    this.#undo = [
      () => {
        this.#stack = stack;
        this.#afterBlank = afterBlank;
        this.#midLine = midLine;
      },
    ];
    this.#take(line, true);
  }

  // The block at the end, if it may still grow.
  tip(): Leaf | null {
    const last = this.#stack.at(-1)!.children.at(-1);
    return last && last.open && !isContainer(last) ? last : null;
  }

  // The leaf that the text ends in, open or not.
  lastLeaf(): Leaf | null {
    let block: Block | undefined = this.root;
    while (block && isContainer(block)) block = block.children.at(-1);
    return block ?? null;
  }

  // Takes back what preview() did.
  settle() {
    const undo = this.#undo;
    this.#undo = null;
    while (undo?.length) undo.pop()!();
  }

  #set<T, K extends keyof T>(object: T, key: K, value: T[K]) {
    const old = object[key];
    if (old === value) return;
    object[key] = value;
    this.#undo?.push(() => (object[key] = old));
  }

  #close(block: Block) {
    this.#set(block, "open", false);
    if (!this.#undo) block.final = true;
  }

  #push<T>(list: T[], value: T) {
    list.push(value);
    this.#undo?.push(() => list.pop());
  }

  // Removes the last element.
  #drop<T>(list: T[]) {
    const last = list.pop()!;
    this.#undo?.push(() => list.push(last));
  }

  #take(line: string, complete: boolean) {
    if (this.#midLine) this.#goOn(line, complete);
    else this.#line(line, complete);
    this.#midLine = !complete;
  }

  // The rest of a line whose beginning was taken already.
  #goOn(text: string, complete: boolean) {
    const tip = this.tip();
    if (tip?.kind === "code") this.#push(tip.parts, complete ? text + "\n" : text);
    else if (tip?.kind === "math") this.#mathLine(tip, text);
    else {
      if (tip) this.#close(tip);
      this.#add(paragraphOf([text], tip?.kind === "paragraph" ? tip.part + 1 : 0));
    }
  }

  #line(line: string, complete: boolean) {
    const end = complete ? "\n" : "";
    let text = line;
    let column = 0;
    const advance = (count: number) => {
      text = text.slice(count);
      column += count;
    };
    const afterQuoteMark = () => {
      if (text[0] === "\t") text = expandIndent(text, column);
      if (text[0] === " ") advance(1);
    };
    // Which of the open containers the line belongs to.
    let depth = 1;
    for (; depth < this.#stack.length; ++depth) {
      const open = this.#stack[depth];
      if (open.kind === "list") continue;
      const expanded = expandIndent(text, column);
      const indent = indentOf(expanded);
      if (open.kind === "quote") {
        if (indent > 3 || expanded[indent] !== ">") break;
        text = expanded;
        advance(indent + 1);
        afterQuoteMark();
      } else if (isBlank(text)) {
        if (open.children.length === 0) break;
      } else if (indent >= open.indent) {
        // Tabs behind the indentation are the content's own: code keeps them.
        if (indentOf(text) < open.indent) text = expanded;
        advance(open.indent);
      } else break;
    }

    let tip = this.tip();
    const matched = depth === this.#stack.length;
    if (matched && tip?.kind === "code" && tip.fence !== null) {
      if (closesFence(text, tip.fence)) this.#close(tip);
      else this.#push(tip.parts, text.slice(Math.min(tip.indent, indentOf(text))) + end);
      return;
    }
    if (tip?.kind === "math") {
      if (matched && !fenceStart(text) && !atxHeading(text)) return this.#mathLine(tip, text);
      this.#abandonMath(tip);
      tip = this.tip();
    }

    text = expandIndent(text, column);
    // What begins on this line.
    let began = false;
    const begin = () => {
      if (!began) this.#closeTo(depth);
      began = true;
    };
    for (;;) {
      const blank = isBlank(text);
      const indent = indentOf(text);
      const paragraph = !began && tip?.kind === "paragraph" ? tip : null;
      if (blank) break;
      if (indent >= 4) {
        if (paragraph) break;
        if (matched && !began && tip?.kind === "code") {
          this.#push(tip.parts, text.slice(4) + end);
          this.#afterBlank = false;
          return;
        }
        begin();
        this.#add({ kind: "code", open: true, final: false, fence: null, indent: 4, info: "", parts: [text.slice(4) + end] });
        return;
      }
      const first = text[indent];
      if (first === ">" && this.#stack.length < maxDepth) {
        begin();
        advance(indent + 1);
        afterQuoteMark();
        text = expandIndent(text, column);
        this.#open(container("quote"));
        continue;
      }
      const heading = first === "#" ? atxHeading(text) : null;
      if (heading) {
        begin();
        this.#add({ kind: "heading", open: !complete, final: false, level: heading.level, text: heading.text });
        return;
      }
      const fence = fenceStart(text);
      if (fence) {
        begin();
        this.#add({ kind: "code", open: true, final: false, fence: fence.fence, indent, info: fence.info, parts: [] });
        return;
      }
      const math = mathStart(text);
      if (math) {
        begin();
        const block: MathBlock = { kind: "math", open: true, final: false, opener: math, source: [], tex: "" };
        this.#add(block);
        this.#mathLine(block, text.trimStart(), true);
        return;
      }
      if (matched && paragraph && complete) {
        const level = setextUnderline(text);
        if (level > 0) {
          this.#replaceTip({ kind: "heading", open: false, final: false, level, text: paragraphText(paragraph).trim() });
          return;
        }
        if (this.#beginTable(paragraph, text)) return;
      }
      if (isRule(text)) {
        begin();
        this.#add({ kind: "rule", open: false, final: false });
        return;
      }
      const marker = listMarker(text, this.#stack.length < maxDepth);
      if (marker && !(paragraph && matched && (marker.empty || (marker.start ?? 1) !== 1))) {
        begin();
        const parent = this.#stack.at(-1)!;
        if (parent.kind !== "list" || !sameList(parent, marker)) {
          if (parent.kind === "list") this.#closeTo(this.#stack.length - 1);
          const list = container("list");
          list.marker = marker;
          this.#open(list);
        }
        const item = container("item");
        advance(indent + marker.width);
        text = expandIndent(text, column);
        const inner = indentOf(text);
        const space = marker.empty || inner > 4 ? 1 : inner;
        item.indent = indent + marker.width + Math.max(space, 1);
        advance(Math.min(space, text.length));
        const task = taskMark(text);
        if (task !== null) {
          item.task = task;
          advance(4);
        }
        text = expandIndent(text, column);
        this.#open(item);
        continue;
      }
      break;
    }

    const blank = isBlank(text);
    if (!began && !matched && !blank && tip?.kind === "paragraph") return this.#grow(tip, text); // a lazy line
    if (!began) this.#closeTo(depth);
    const last = this.tip();
    if (blank) {
      if (last?.kind === "code") this.#push(last.parts, text.slice(4) + end);
      else if (last) this.#close(last);
      this.#afterBlank = true;
      return;
    }
    if (last?.kind === "paragraph") return this.#grow(last, text);
    if (last?.kind === "table") return this.#push(last.rows, splitRow(text, last.align.length));
    const label = this.#define(text);
    if (label) return;
    this.#add(paragraphOf([text.trimStart()]));
  }

  #grow(paragraph: Paragraph, text: string) {
    if (paragraph.length + text.length <= maxLine) {
      this.#set(paragraph, "length", paragraph.length + text.length);
      return this.#push(paragraph.lines, text.trimStart());
    }
    this.#close(paragraph);
    this.#add(paragraphOf([text.trimStart()], paragraph.part + 1));
  }

  #beginTable(paragraph: Paragraph, text: string): boolean {
    const align = delimiterRow(text);
    const head = paragraph.lines.at(-1)!;
    if (!align || !(head.includes("|") || text.includes("|")) || splitRow(head).length !== align.length) return false;
    const table: Table = { kind: "table", open: true, final: false, align, header: splitRow(head, align.length), rows: [] };
    if (paragraph.lines.length === 1) this.#replaceTip(table);
    else {
      this.#drop(paragraph.lines);
      this.#close(paragraph);
      this.#add(table);
    }
    return true;
  }

  #define(text: string): boolean {
    const found = definition(text);
    if (!found) return false;
    if (!this.references.has(found.label)) {
      this.references.set(found.label, { href: found.href, title: found.title });
      this.#undo?.push(() => this.references.delete(found.label));
    }
    return true;
  }

  #mathLine(block: MathBlock, text: string, first = false) {
    const closer = block.opener === "$$" ? "$$" : "\\]";
    const from = first ? 2 : 0;
    this.#push(block.source, text);
    const at = text.indexOf(closer, from);
    if (at >= 0 && isBlank(text.slice(at + 2))) {
      this.#set(block, "tex", block.tex + text.slice(from, at));
      this.#close(block);
      return;
    }
    // Something after the end: no block but a paragraph with a formula in it.
    if (at >= 0 || block.tex.length + text.length > maxFormula) return this.#abandonMath(block);
    this.#set(block, "tex", block.tex + text.slice(from) + "\n");
  }

  // What looked like a display formula is none: its lines are paragraphs.
  #abandonMath(block: MathBlock) {
    this.#drop(this.#stack.at(-1)!.children);
    let lines: string[] = [];
    for (const line of [...block.source, ""]) {
      if (!isBlank(line)) lines.push(line.trimStart());
      else if (lines.length > 0) {
        this.#add(paragraphOf(lines));
        lines = [];
      }
    }
  }

  #add(block: Block) {
    // Only items stand in a list.
    if (block.kind !== "item" && this.#stack.at(-1)!.kind === "list") this.#closeTo(this.#stack.length - 1);
    const parent = this.#stack.at(-1)!;
    const last = parent.children.at(-1);
    if (last && !last.final) this.#close(last);
    if (this.#afterBlank && last) {
      if (parent.kind === "list") this.#set(parent, "loose", true);
      else if (parent.kind === "item") this.#set(this.#stack.at(-2) as Container, "loose", true);
    }
    this.#afterBlank = false;
    this.#push(parent.children, block);
  }

  #open(block: Container) {
    this.#add(block);
    this.#stack = [...this.#stack, block];
  }

  #replaceTip(block: Leaf) {
    const siblings = this.#stack.at(-1)!.children;
    this.#drop(siblings);
    this.#push(siblings, block);
  }

  // Closes all but the first `depth` open containers, and the leaf at the end if there is one less.
  #closeTo(depth: number) {
    const parent = this.#stack.at(-1)!;
    const last = parent.children.at(-1);
    if (depth < this.#stack.length && last && !last.final) this.#close(last);
    for (const block of this.#stack.slice(depth)) this.#close(block);
    this.#stack = this.#stack.slice(0, depth);
  }
}

// Where to cut a long line: after the last space in its second half, never inside a surrogate pair.
function cutBefore(text: string, limit: number): number {
  const space = text.lastIndexOf(" ", limit - 1);
  if (space > limit - maxLine / 2) return space + 1;
  const code = text.charCodeAt(limit - 1);
  return code >= 0xd800 && code < 0xdc00 ? limit - 1 : limit;
}
