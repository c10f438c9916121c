// What to show of a paragraph that is still being written. A formula, link, tag or run of marks that has begun is held
// back until it is whole; emphasis and code get the end that they don't have yet.
import { extractFormulas } from "./formulas";

export interface Healed {
  text: string;
  // Where the part begins that is not shown; null: all is shown.
  held: number | null;
  // A formula has begun: a placeholder stands for it.
  formula: boolean;
}

// How long an unfinished part may grow before it counts as plain text, in characters.
const maxLink = 400;
const maxCode = 400;
const maxFormula = 2000;
const maxDollar = 200;

// patient: false once the unfinished part has been held back for long enough; it is then shown without its marks.
export function heal(source: string, patient: boolean): Healed {
  let text = source;
  let held: number | null = null;
  let formula = false;
  const cut = (at: number) => {
    text = text.slice(0, at);
    held = at;
  };

  const { pending } = extractFormulas(source);
  if (pending !== null) {
    const length = source.length - pending;
    const dollar = source[pending] === "$" && source[pending + 1] !== "$";
    if (length < (dollar ? maxDollar : maxFormula)) {
      formula = length > 1;
      cut(pending);
    }
  }

  // Bits at the end that the next character decides about.
  const undecided = /(?:\\|&[#\w]{0,12}|<\/?[a-zA-Z]{0,8}|<(?:https?:|mailto:)[^\s<>]{0,300}|!)$/.exec(text);
  if (undecided && (patient || undecided[0] === "\\") && !(undecided[0] === "!" && source.length > text.length))
    cut(undecided.index);

  const open = openMarks(text);
  if (open.bracket !== null && text.length - open.bracket < maxLink) {
    const at = text[open.bracket - 1] === "!" ? open.bracket - 1 : open.bracket;
    const label = /^!?\[([^\]]*)\]?/.exec(text.slice(at))!;
    const image = text[at] === "!";
    text = text.slice(0, at) + (patient || image ? "" : label[1]);
    held = at;
    return close(text, openMarks(text), held, formula);
  }
  return close(text, open, held, formula);
}

function close(text: string, open: OpenMarks, held: number | null, formula: boolean): Healed {
  if (open.code !== null && text.length - open.code.at < maxCode) {
    const inside = text.slice(open.code.at + open.code.marks.length);
    if (inside.trim() === "") {
      const at = open.code.at;
      return close(text.slice(0, at), openMarks(text.slice(0, at)), held ?? at, formula);
    }
    text += (inside.endsWith("`") ? " " : "") + open.code.marks;
  }
  const marks = /[*_~]+$/.exec(text);
  if (marks) {
    // Marks that end the text: those that open something have nothing to show yet.
    const before = text.slice(0, marks.index);
    const opens = before === "" || /[\s([{"'*_~]$/.test(before);
    const inner = openMarks(before);
    const wanted = [...inner.emphasis].reverse().join("");
    if (opens || !wanted.startsWith(marks[0])) {
      held ??= marks.index;
      return close(before, inner, held, formula);
    }
  }
  const trimmed = text.trimEnd();
  return { text: trimmed + [...open.emphasis].reverse().join(""), held, formula };
}

interface OpenMarks {
  emphasis: string[];
  code: { at: number; marks: string } | null;
  // The last "[" that has no end, or whose address has none.
  bracket: number | null;
}

const isSpace = (character: string | undefined) => character === undefined || /\s/.test(character);
const isWord = (character: string | undefined) => character !== undefined && /[\p{L}\p{N}]/u.test(character);

function openMarks(text: string): OpenMarks {
  const emphasis: string[] = [];
  const brackets: number[] = [];
  let bracket: number | null = null;
  for (let at = 0; at < text.length; ++at) {
    const character = text[at];
    if (character === "\\") ++at;
    else if (character === "`") {
      const marks = /`+/y;
      marks.lastIndex = at;
      const run = marks.exec(text)![0];
      const end = closingRun(text, at + run.length, run.length);
      if (end < 0) return { emphasis, code: { at, marks: run }, bracket };
      at = end - 1;
    } else if (character === "[") brackets.push(at);
    else if (character === "]") {
      const start = brackets.pop();
      if (start === undefined) continue;
      const next = text[at + 1];
      if (next === undefined && brackets.length === 0) bracket = start;
      else if (next === "(") {
        const end = addressEnd(text, at + 2);
        if (end < 0) {
          bracket = start;
          break;
        }
        at = end;
      }
    } else if (character === "*" || character === "_" || character === "~") {
      let end = at + 1;
      while (text[end] === character) ++end;
      const run = text.slice(at, end);
      const [before, after] = [text[at - 1], text[end]];
      const canOpen = !isSpace(after) && (character !== "_" || !isWord(before));
      const canClose = !isSpace(before) && (character !== "_" || !isWord(after));
      let length = character === "~" && run.length > 2 ? 0 : Math.min(run.length, 3);
      while (canClose && length > 0) {
        const index = emphasis.findLastIndex((mark) => mark[0] === character && mark.length <= length);
        if (index < 0) break;
        length -= emphasis[index].length;
        emphasis.length = index;
      }
      if (canOpen && length > 0) {
        if (length === 3) emphasis.push(character.repeat(2), character);
        else emphasis.push(character.repeat(length));
      }
      at = end - 1;
    }
  }
  if (bracket === null && brackets.length > 0) bracket = brackets[0];
  return { emphasis, code: null, bracket };
}

function closingRun(text: string, from: number, length: number): number {
  for (const run of text.slice(from).matchAll(/`+/g)) if (run[0].length === length) return from + run.index + length;
  return -1;
}

// The end of a link's address and title that begin at `from`; -1: not there yet.
function addressEnd(text: string, from: number): number {
  let depth = 1;
  for (let at = from; at < text.length; ++at) {
    if (text[at] === "\\") ++at;
    else if (text[at] === "\n" && text[at + 1] === "\n") return at;
    else if (text[at] === "(") ++depth;
    else if (text[at] === ")" && --depth === 0) return at;
  }
  return -1;
}

// How much of a line without an end may be shown: 0 as long as its first characters leave open what it will be.
// patient: see heal(). `tip`: the kind of the block it would go on with; `fence`: that block's fence.
export function shownLine(line: string, tip: string | null, fence: string | null, patient: boolean): string {
  if (fence !== null) return new RegExp(`^[ >\\t]*${fence[0]}+[ \\t]*$`).test(line) ? "" : line;
  if (tip === "math") return "";
  const text = line.replace(/^(?:[ \t]*(?:>|[-+*][ \t]+(?=\S)|\d{1,9}[.)][ \t]+(?=\S)))*[ \t]*/, "");
  if (text === "") return "";
  if (/^(?:[-+*=_~`#:\s]+|\d{1,9}[.)]?|\$\$?|\\\[?|\[[ xX]?\]?)$/.test(text)) return "";
  if (/^(?:`{3,}[^`]*|~{3,}.*|#{1,6})$/.test(text)) return "";
  if (/^(?:\$\$|\\\[)/.test(text) && !/(?:\$\$|\\\])[^$]+$/.test(text.slice(2))) return text.length > maxFormula ? line : "";
  if (/^\[[^\]]*\]:/.test(text)) return "";
  if (text.startsWith("|") || tip === "table") return patient ? "" : line;
  return line;
}
