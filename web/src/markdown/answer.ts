// The seam between the page and the renderer of answers, which knows no framework.
//
// An answer is drawn at most once per frame and only for a few milliseconds of it; a long one is drawn over several
// frames, from top to bottom. What is drawn stays as it is: closed blocks are never touched again, the open one changes
// in place, so selections survive and nothing above the end moves. The cost of a frame depends on the new text alone.
import "./answer.css";
import { BlockParser } from "./blocks";
import { faceSteps } from "./faces";
import { forget, nextFrame } from "./frames";
import { shownLine } from "./heal";
import { renderInline } from "./inline";
import { copied, copySelection } from "./rich";
import { sanitise } from "./sanitise";
import { ContainerView, HeadingLevels, type Scene } from "./views";

// Words of the renderer's own controls and labels, in the page's language.
export interface Words {
  copy: string;
  copied: string;
  copyFailed: string;
  wrapLines: string;
  // "Code, Python"; the name may be empty.
  codeIn: (language: string) => string;
  table: string;
  image: string;
  done: string;
  toDo: string;
}

export interface AnswerOptions {
  words: Words;
}

export interface AnswerView {
  // The whole text so far; the view shows what changed. Text that does not go on from the last one is drawn anew.
  // done: nothing follows.
  update(text: string, state: { done: boolean }): void;
  // What is drawn, for a clipboard: plain HTML.
  html(): string;
  destroy(): void;
}

// An unfinished link, formula or table row is held back for so long.
const patienceMs = 300;
// Text is read in portions, so that a long answer does not take one long task.
const portion = 16_384;

class Answer implements AnswerView {
  #parser = new BlockParser();
  #root: ContainerView;
  #scene: Scene;
  #text = "";
  #done = false;
  // How much of the text the parser has.
  #read = 0;
  // Where the held part begins, and since when it is held.
  #held = -1;
  #heldSince = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  // What to draw again when a label gets its definition.
  #wanted = new Map<HTMLElement, { labels: readonly string[]; redraw: () => void }>();
  #references = 0;

  constructor(
    private readonly element: HTMLElement,
    private readonly options: AnswerOptions,
  ) {
    element.classList.add("answer");
    element.addEventListener("copy", copySelection);
    this.#scene = this.#newScene();
    this.#root = new ContainerView(this.#parser.root, this.#scene, element);
  }

  update(text: string, { done }: { done: boolean }) {
    if (text === this.#text && done === this.#done) return;
    if (this.#done || !goesOn(this.#text, text)) this.#reset();
    this.#text = text;
    this.#done = done;
    this.element.setAttribute("aria-busy", "true");
    nextFrame(this.#work);
  }

  html(): string {
    return copied(this.element).html;
  }

  destroy() {
    this.#reset();
    this.element.removeEventListener("copy", copySelection);
    this.element.removeAttribute("aria-busy");
  }

  #newScene(): Scene {
    return {
      words: this.options.words,
      references: this.#parser.references,
      tail: null,
      patient: (count) => this.#patient(this.#text.length - count),
      again: () => nextFrame(this.#work),
      wanted: (element, labels, redraw) => {
        if (labels.length > 0) this.#wanted.set(element, { labels, redraw });
        else this.#wanted.delete(element);
      },
      headingLevels: new HeadingLevels(),
      postponed: false,
    };
  }

  #reset() {
    forget(this.#work);
    clearTimeout(this.#timer);
    this.#root.destroy();
    this.element.replaceChildren();
    this.#parser = new BlockParser();
    this.#scene = this.#newScene();
    this.#root = new ContainerView(this.#parser.root, this.#scene, this.element);
    this.#text = "";
    this.#read = 0;
    this.#done = false;
    this.#held = -1;
    this.#wanted.clear();
    this.#references = 0;
  }

  #work = (deadline: number): boolean => {
    for (;;) {
      if (this.#read < this.#text.length) {
        const end = Math.min(this.#text.length, this.#read + portion);
        this.#parser.append(this.#text.slice(this.#read, end));
        this.#read = end;
      }
      const all = this.#read === this.#text.length;
      if (all && this.#done) this.#parser.finish();
      else if (all) this.#preview();
      this.#scene.tail = all && !this.#done ? this.#parser.lastLeaf() : null;
      const drawn = this.#root.update(this.#parser.root, deadline);
      if (!drawn) return this.#scene.postponed || performance.now() > deadline;
      this.#resolve();
      if (all) {
        if (this.#done) this.element.removeAttribute("aria-busy");
        return false;
      }
      if (performance.now() > deadline) return true;
    }
  };

  // Shows the line that has no end yet.
  #preview() {
    const line = this.#parser.partialLine;
    if (line === "") return this.#parser.settle();
    this.#parser.settle();
    const tip = this.#parser.tip();
    const fence = tip?.kind === "code" ? tip.fence : null;
    let shown = shownLine(line, tip?.kind ?? null, fence, true);
    if (shown !== line && !this.#patient(this.#text.length - line.length))
      shown = shownLine(line, tip?.kind ?? null, fence, false);
    if (shown !== "") this.#parser.preview(shown);
  }

  // Whether the part of the text that begins at `start` and is not finished is to be held back longer.
  #patient(start: number): boolean {
    const now = performance.now();
    if (start !== this.#held) {
      this.#held = start;
      this.#heldSince = now;
    }
    const left = this.#heldSince + patienceMs - now;
    if (left <= 0) return false;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => nextFrame(this.#work), left + 1);
    return true;
  }

  // Draws again what refers to definitions that came after it.
  #resolve() {
    const { references } = this.#parser;
    if (references.size === this.#references) return;
    this.#references = references.size;
    for (const [element, { labels, redraw }] of [...this.#wanted]) {
      if (!this.element.contains(element)) this.#wanted.delete(element);
      else if (labels.some((label) => references.has(label))) redraw();
    }
  }
}

// Whether `text` goes on from `old`; looks at the ends of the old text, which is enough to notice another answer.
function goesOn(old: string, text: string): boolean {
  const probe = 64;
  return (
    text.length >= old.length &&
    text.startsWith(old.slice(0, probe)) &&
    text.slice(Math.max(0, old.length - probe), old.length) === old.slice(-probe)
  );
}

// The first drawing is slow, as nothing is compiled yet: some steps of it are done while the page has nothing to do.
function warmUp(steps: (() => void)[]) {
  const step = steps.shift();
  if (!step) return;
  requestIdleCallback(() => {
    step();
    warmUp(steps);
  });
}
if ("requestIdleCallback" in globalThis)
  warmUp([
    () => sanitise("<b>"),
    () => renderInline("a", { references: new Map(), imageWord: "" }),
    () => renderInline("**a** `b` [c](d)", { references: new Map(), imageWord: "" }),
    () => sanitise("<strong>a</strong>"),
    ...faceSteps(),
  ]);

export function mountAnswer(element: HTMLElement, options: AnswerOptions): AnswerView {
  return new Answer(element, options);
}
