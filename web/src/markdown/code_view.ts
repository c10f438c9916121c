// A code block: language, switch for long lines, copy button, and the code, which is plain text while it is written and
// gets its colours when it is complete.
import type { Block, Code } from "./blocks";
import type { Words } from "./answer";
import { copyText } from "./clipboard";
import { highlight, type Colours } from "./highlight";
import { languageOf } from "./languages";
import { setText } from "./morph";
import { visible } from "./visible";
import type { View } from "./views";

// Lines of one piece. The browser lays out only the piece that grows, so the cost of a line does not depend on how many
// there are.
const pieceLines = 40;

export class CodeView implements View {
  readonly key = "code";
  readonly element = document.createElement("figure");
  readonly #code = document.createElement("code");
  readonly #language = document.createElement("figcaption");
  readonly #frame = document.createElement("pre");
  #pieces: HTMLElement[] = [];
  // Pieces and the parts in them that never change again.
  #settled = 0;
  #parts: readonly string[] = [];
  #info: string | null = null;
  #complete = false;
  #cancel: (() => void) | null = null;

  constructor(private readonly words: Words) {
    this.element.className = "code";
    this.#frame.tabIndex = 0;
    this.#frame.dir = "ltr";
    this.#frame.setAttribute("role", "region");
    this.#frame.append(this.#code);
    const bar = document.createElement("div");
    bar.className = "code-bar";
    const wrap = button("wrap", words.wrapLines);
    wrap.setAttribute("aria-pressed", "false");
    wrap.addEventListener("click", () => {
      wrap.setAttribute("aria-pressed", String(this.element.classList.toggle("wrapped")));
    });
    const copy = button("copy", words.copy);
    copy.addEventListener("click", async () => {
      const copied = await copyText(this.text());
      copy.textContent = copied ? words.copied : words.copyFailed;
      copy.dataset.state = copied ? "done" : "failed";
      setTimeout(() => {
        copy.textContent = words.copy;
        delete copy.dataset.state;
      }, 2000);
    });
    bar.append(this.#language, wrap, copy);
    this.element.append(bar, this.#frame);
    codeTexts.set(this.element, () => this.text());
  }

  // The code exactly as the model wrote it.
  text(): string {
    return trimmed(this.#parts).join("").replace(/\n$/, "");
  }

  update(block: Block, deadline: number): boolean {
    const code = block as Code;
    if (this.#complete) return true;
    if (code.info !== this.#info) this.#setInfo(code.info);
    this.#parts = code.parts;
    const parts = code.fence === null ? trimmed(code.parts) : code.parts;
    const count = Math.ceil(parts.length / pieceLines);
    for (let i = this.#settled; i < count; ++i) {
      if (i > this.#settled && performance.now() > deadline) return false;
      this.#piece(i, visible(parts.slice(i * pieceLines, (i + 1) * pieceLines).join("")));
      if (i + 1 < count && i === this.#settled) ++this.#settled;
    }
    for (const piece of this.#pieces.splice(count)) piece.remove();
    if (code.final) {
      this.#complete = true;
      this.#colour();
    }
    return true;
  }

  #setInfo(info: string) {
    this.#info = info;
    const { name } = languageOf(info);
    this.#language.textContent = name;
    this.#frame.setAttribute("aria-label", this.words.codeIn(name));
  }

  #piece(index: number, text: string) {
    let piece = this.#pieces[index];
    if (!piece) {
      piece = document.createElement("span");
      piece.append("");
      this.#code.append(piece);
      this.#pieces.push(piece);
    }
    setText(piece.firstChild as Text, text);
  }

  #colour() {
    const { grammar } = languageOf(this.#info ?? "");
    if (grammar) this.#cancel = highlight(this.#code.textContent ?? "", grammar, (colours) => this.#paint(colours));
  }

  // Paints a piece at a time.
  #paint(colours: Colours) {
    let index = 0;
    let next = 0;
    let left = colours.lengths[0] ?? 0;
    const step = (deadline: number): boolean => {
      for (; index < this.#pieces.length; ++index) {
        if (performance.now() > deadline) return true;
        const piece = this.#pieces[index];
        const text = piece.textContent ?? "";
        const nodes: (Node | string)[] = [];
        for (let at = 0; at < text.length && next < colours.lengths.length; ) {
          const length = Math.min(left, text.length - at);
          nodes.push(coloured(text.slice(at, at + length), colours.kinds[next]));
          at += length;
          left -= length;
          if (left === 0) left = colours.lengths[++next] ?? 0;
        }
        keepingSelection(piece, () => piece.replaceChildren(...nodes));
      }
      return false;
    };
    this.#cancel = inIdleTime(step);
  }

  destroy() {
    this.#cancel?.();
  }
}

const codeTexts = new WeakMap<Element, () => string>();

// The code of a block's element; null: it is none.
export function codeOf(element: Element): string | null {
  return codeTexts.get(element)?.() ?? null;
}

function button(name: string, label: string): HTMLButtonElement {
  const element = document.createElement("button");
  element.type = "button";
  element.className = `code-${name}`;
  element.textContent = label;
  return element;
}

// Without blank lines at the end.
function trimmed(parts: readonly string[]): readonly string[] {
  let end = parts.length;
  while (end > 0 && parts[end - 1].trim() === "") --end;
  return end === parts.length ? parts : parts.slice(0, end);
}

function coloured(text: string, kind: string): Node | string {
  if (kind === "") return text;
  const element = document.createElement("span");
  element.className = `hl-${kind}`;
  element.textContent = text;
  return element;
}

// Replaces what an element contains by the same text in other nodes; a selection that begins or ends in it stays.
function keepingSelection(element: Element, replace: () => void) {
  const selection = getSelection();
  const { anchorNode, focusNode } = selection ?? {};
  const inside = [anchorNode, focusNode].some((node) => node && element.contains(node));
  if (!selection || !inside || selection.isCollapsed) return replace();
  const anchor = offsetIn(element, anchorNode!, selection.anchorOffset);
  const focus = offsetIn(element, focusNode!, selection.focusOffset);
  replace();
  const from = anchor === null ? ([anchorNode!, selection.anchorOffset] as const) : pointIn(element, anchor);
  const to = focus === null ? ([focusNode!, selection.focusOffset] as const) : pointIn(element, focus);
  selection.setBaseAndExtent(from[0], from[1], to[0], to[1]);
}

function offsetIn(element: Element, node: Node, offset: number): number | null {
  if (!element.contains(node)) return null;
  const range = document.createRange();
  range.selectNodeContents(element);
  range.setEnd(node, offset);
  return range.toString().length;
}

function pointIn(element: Element, offset: number): readonly [Node, number] {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode() as Text | null; node; node = walker.nextNode() as Text | null) {
    if (offset <= node.length) return [node, offset];
    offset -= node.length;
  }
  return [element, element.childNodes.length];
}

// Runs the steps of a job when the browser has nothing better to do; returns what stops it.
function inIdleTime(step: (deadline: number) => boolean): () => void {
  let stopped = false;
  const run = () => {
    if (!stopped && step(performance.now() + 8)) next();
  };
  const next = () => {
    if ("requestIdleCallback" in window) requestIdleCallback(run, { timeout: 1000 });
    else setTimeout(run, 16);
  };
  next();
  return () => (stopped = true);
}
