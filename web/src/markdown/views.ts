// The blocks of an answer as elements. A view is kept as long as its block: closed blocks are never touched again, open
// ones change in place.
import {
  paragraphText,
  type Block,
  type Container,
  type Heading,
  type Leaf,
  type MathBlock,
  type Paragraph,
  type Reference,
  type Table,
} from "./blocks";
import { CodeView } from "./code_view";
import { formulaMark, type Formula } from "./formulas";
import { heal } from "./heal";
import { renderInline } from "./inline";
import { morph } from "./morph";
import { sanitise } from "./sanitise";
import { canTypeset, formulaElement, loadTypesetter, typeset } from "./typeset";
import type { Words } from "./answer";

// What all views of an answer share.
export interface Scene {
  words: Words;
  references: ReadonlyMap<string, Reference>;
  // The leaf that is being written; null: the text is complete.
  tail: Leaf | null;
  // Whether what began `count` characters before the end of the text is to be held back longer.
  patient(count: number): boolean;
  // Has the answer drawn again.
  again(): void;
  // Has an element drawn again when one of the labels in it is defined.
  wanted(element: HTMLElement, labels: readonly string[], redraw: () => void): void;
  headingLevels: HeadingLevels;
  // A formula waits for a frame of its own.
  postponed: boolean;
}

// Headings of an answer come below those of the page, without gaps between levels, whatever the model begins with.
export class HeadingLevels {
  #base = 0;
  #last = 2;
  levelOf(written: number): number {
    if (this.#base === 0) this.#base = written;
    this.#last = Math.max(3, Math.min(6, 3 + written - this.#base, this.#last + 1));
    return this.#last;
  }
}

export interface View {
  readonly key: string;
  readonly element: HTMLElement;
  // Draws the block as it is now; false: not all of it, `deadline` passed or a formula waits.
  update(block: Block, deadline: number): boolean;
  destroy?(): void;
}

const keyOf = (block: Block): string => {
  if (block.kind === "heading") return `heading ${block.level}`;
  if (block.kind === "list") return block.marker!.start === null ? "bullets" : `numbers ${block.marker!.start}`;
  if (block.kind === "item") return `item ${block.task}`;
  return block.kind === "paragraph" ? `paragraph ${block.part}` : block.kind;
};

function create(block: Block, scene: Scene): View {
  switch (block.kind) {
    case "heading":
    case "paragraph":
      return new TextView(block, scene);
    case "code":
      return new CodeView(scene.words);
    case "math":
      return new MathView(scene);
    case "table":
      return new TableView(scene);
    case "rule":
      return { key: "rule", element: document.createElement("hr"), update: () => true };
    default:
      return new ContainerView(block, scene);
  }
}

// Blocks of one part of an answer. The browser leaves out parts that are out of sight, so that a frame of a long answer
// costs no more than one of a short one.
const partBlocks = 10;

export class ContainerView implements View {
  readonly key: string;
  readonly element: HTMLElement;
  #views: View[] = [];
  #parts: HTMLElement[] = [];
  // Children that never change again and are drawn.
  #settled = 0;

  constructor(
    block: Container,
    private readonly scene: Scene,
    element?: HTMLElement,
  ) {
    this.key = keyOf(block);
    this.element = element ?? document.createElement(containerTag(block));
    if (block.kind === "list") {
      this.element.dir = "auto";
      const start = block.marker!.start;
      if (start !== null && start !== 1) (this.element as HTMLOListElement).start = start;
    }
    if (block.kind === "item" && block.task !== null) {
      const box = document.createElement("span");
      box.className = block.task ? "task done" : "task";
      box.setAttribute("role", "img");
      box.setAttribute("aria-label", block.task ? scene.words.done : scene.words.toDo);
      this.element.className = "has-task";
      this.element.append(box);
    }
  }

  update(block: Block, deadline: number): boolean {
    const { children, loose, kind } = block as Container;
    if (kind === "list") this.element.toggleAttribute("data-loose", loose);
    for (let i = this.#settled; i < children.length; ++i) {
      if (i > this.#settled && performance.now() > deadline) return false;
      const child = children[i];
      if (this.#views[i]?.key !== keyOf(child)) {
        this.#truncate(i);
        const view = create(child, this.scene);
        this.#views.push(view);
        (kind === "root" ? this.#part(i) : this.element).append(view.element);
        if (child.kind === "paragraph" && child.part > 0) joinParts(view.element, child.part);
      }
      const complete = this.#views[i].update(child, deadline);
      if (!complete) {
        this.#truncate(i + 1);
        return false;
      }
      if (child.final && i === this.#settled) ++this.#settled;
    }
    this.#truncate(children.length);
    return true;
  }

  #part(index: number): HTMLElement {
    const at = Math.floor(index / partBlocks);
    if (!this.#parts[at]) {
      const part = document.createElement("div");
      part.className = "part";
      this.element.append(part);
      this.#parts.push(part);
      // Its size is known once it was laid out.
      const before = this.#parts[at - 1];
      if (before) requestAnimationFrame(() => requestAnimationFrame(() => (before.dataset.full = "")));
    }
    return this.#parts[at];
  }

  #truncate(count: number) {
    for (const view of this.#views.splice(count)) {
      view.destroy?.();
      view.element.remove();
    }
    for (const part of this.#parts.splice(Math.ceil(count / partBlocks))) part.remove();
    const last = this.#parts.at(-1);
    if (last) delete last.dataset.full;
  }

  destroy() {
    for (const view of this.#views) view.destroy?.();
  }
}

// Parts of a paragraph flow into one another, but not without end: what flows together is laid out again together.
function joinParts(element: HTMLElement, part: number) {
  const before = element.previousElementSibling;
  if (part % 8 === 0 || before?.tagName !== "P") return;
  before.classList.add("continues");
  element.classList.add("continues");
}

function containerTag(block: Container): string {
  if (block.kind === "list") return block.marker!.start === null ? "ul" : "ol";
  return block.kind === "item" ? "li" : block.kind === "quote" ? "blockquote" : "div";
}

// A paragraph or heading.
class TextView implements View {
  readonly key: string;
  readonly element: HTMLElement;
  #shown: string | null = null;

  constructor(
    block: Paragraph | Heading,
    private readonly scene: Scene,
  ) {
    this.key = keyOf(block);
    if (block.kind === "heading") {
      this.element = document.createElement(`h${scene.headingLevels.levelOf(block.level)}`);
      this.element.dataset.level = String(block.level);
    } else {
      this.element = document.createElement("p");
    }
    this.element.dir = "auto";
  }

  update(block: Block, deadline: number): boolean {
    const scene = this.scene;
    const source = block.kind === "heading" ? block.text : paragraphText(block as Paragraph);
    let text = source;
    let formula = false;
    if (block === scene.tail) {
      let shown = heal(source, true);
      if (shown.held !== null && !scene.patient(source.length - shown.held)) shown = heal(source, false);
      ({ text, formula } = shown);
    }
    if (text !== this.#shown) drawInline(this.element, text, scene);
    this.#shown = text;
    this.element.toggleAttribute("data-formula-follows", formula);
    return typesetIn(this.element, scene, deadline);
  }
}

// Draws text with its markup into an element.
function drawInline(element: HTMLElement, text: string, scene: Scene) {
  const { html, formulas, labels } = renderInline(text, { references: scene.references, imageWord: scene.words.image });
  const fragment = sanitise(html);
  if (formulas.length > 0) placeFormulas(fragment, formulas);
  morph(element, fragment);
  scene.wanted(element, labels, () => {
    drawInline(element, text, scene);
    typesetIn(element, scene, Infinity);
  });
}

function placeFormulas(fragment: DocumentFragment, formulas: readonly Formula[]) {
  const walker = document.createTreeWalker(fragment, NodeFilter.SHOW_TEXT);
  const texts: Text[] = [];
  while (walker.nextNode()) texts.push(walker.currentNode as Text);
  for (const node of texts) {
    const pieces = node.data.split(formulaMark);
    if (pieces.length === 1) continue;
    const nodes = pieces.map((piece, i) => {
      const formula = i % 2 === 1 ? formulas[Number(piece)] : undefined;
      return formula ? formulaElement(formula) : piece;
    });
    node.replaceWith(...nodes.filter((piece) => piece !== ""));
  }
}

// A formula takes as long as a paragraph and gives the browser more to lay out: it is begun early in a frame only.
const formulaMs = 3;

// Sets the formulas in an element that are not set yet, in order; false: some are left.
function typesetIn(element: HTMLElement, scene: Scene, deadline: number): boolean {
  const waiting = element.querySelectorAll<HTMLElement>(".formula:not([data-set])");
  if (waiting.length === 0) return true;
  if (!canTypeset()) {
    loadTypesetter(scene.again);
    return false;
  }
  for (const formula of waiting) {
    if (!scene.postponed && performance.now() > deadline - formulaMs) {
      scene.postponed = true;
      return false;
    }
    scene.postponed = false;
    typeset(formula);
  }
  return true;
}

class MathView implements View {
  readonly key = "math";
  readonly element = document.createElement("div");
  #set = false;

  constructor(private readonly scene: Scene) {
    this.element.className = "formula-block pending";
  }

  update(block: Block, deadline: number): boolean {
    const { open, tex, source } = block as MathBlock;
    if (this.#set || open) return true;
    if (!this.element.firstChild)
      this.element.append(formulaElement({ tex: tex.trim(), display: true, source: source.join("\n") }));
    this.#set = typesetIn(this.element, this.scene, deadline);
    if (this.#set) this.element.classList.remove("pending");
    return this.#set;
  }
}

class TableView implements View {
  readonly key = "table";
  readonly element = document.createElement("div");
  readonly #body = document.createElement("tbody");
  #settled = 0;
  #shown: string[] = [];

  constructor(private readonly scene: Scene) {
    this.element.className = "table";
    this.element.tabIndex = 0;
    this.element.setAttribute("role", "region");
    this.element.setAttribute("aria-label", scene.words.table);
  }

  update(block: Block, deadline: number): boolean {
    const table = block as Table;
    if (!this.element.firstChild) {
      const element = document.createElement("table");
      element.createTHead().append(this.#row(table, table.header, "th"));
      element.append(this.#body);
      this.element.append(element);
    }
    for (let i = this.#settled; i < table.rows.length; ++i) {
      if (i > this.#settled && performance.now() > deadline) return false;
      const source = table.rows[i].join("\n");
      const old = this.#body.rows[i];
      if (!old) this.#body.append(this.#row(table, table.rows[i], "td"));
      else if (this.#shown[i] !== source) old.replaceWith(this.#row(table, table.rows[i], "td"));
      this.#shown[i] = source;
      if (!typesetIn(this.#body.rows[i], this.scene, deadline)) return false;
      // The last row may be a preview.
      if (i === this.#settled && (i + 1 < table.rows.length || table.final)) ++this.#settled;
    }
    while (this.#body.rows.length > table.rows.length) this.#body.lastChild!.remove();
    return typesetIn(this.element, this.scene, deadline);
  }

  #row(table: Table, cells: readonly string[], tag: "th" | "td"): HTMLTableRowElement {
    const row = document.createElement("tr");
    for (const [i, source] of cells.entries()) {
      const cell = document.createElement(tag);
      if (tag === "th") (cell as HTMLTableCellElement).scope = "col";
      const align = table.align[i];
      if (align) cell.className = `align-${align}`;
      cell.dir = "auto";
      if (source !== "") drawInline(cell, source, this.scene);
      row.append(cell);
    }
    return row;
  }
}
