// Takes formulas out of text before Markdown reads it, which would eat the backslash of \( and the stars and underlines
// inside. Delimiters: $…$, $$…$$, \(…\), \[…\]. Code and escaped dollars are left alone, and so is money ("$5 and $10").

export interface Formula {
  tex: string;
  display: boolean;
  // As it was written, with its delimiters.
  source: string;
}

export interface Extracted {
  // The text with a mark in place of each formula.
  text: string;
  formulas: Formula[];
  // Where a formula begins that may end in text still to come.
  pending: number | null;
}

// Characters for private use: nothing that a model writes has them after extraction.
const open = "\uE000";
const close = "\uE001";
export const formulaMark = /\uE000(\d+)\uE001/g;

const maxInline = 1000;

// Puts the formulas' source back, for places that show no formulas (addresses, titles).
export function restoreFormulas(text: string, formulas: readonly Formula[]): string {
  return text.replace(formulaMark, (_, index) => formulas[Number(index)]?.source ?? "");
}

export function extractFormulas(source: string): Extracted {
  const text = source.replace(/[\uE000\uE001]/g, "\uFFFD");
  if (!/[$\\]/.test(text)) return { text, formulas: [], pending: null };
  const formulas: Formula[] = [];
  let pending: number | null = null;
  let out = "";
  let at = 0;
  const copy = (count: number) => {
    out += text.slice(at, at + count);
    at += count;
  };
  const take = (end: number, tex: string, display: boolean) => {
    out += open + formulas.length + close;
    formulas.push({ tex, display, source: text.slice(at, end) });
    at = end;
  };
  while (at < text.length) {
    const character = text[at];
    if (character === "`") copy(codeSpan(text, at));
    else if (character === "\\") {
      const next = text[at + 1];
      if (next !== "(" && next !== "[") {
        copy(2);
        continue;
      }
      const end = text.indexOf(next === "(" ? "\\)" : "\\]", at + 2);
      if (end > at + 2) take(end + 2, text.slice(at + 2, end), next === "[");
      else {
        if (end < 0) pending ??= at;
        copy(2);
      }
    } else if (character === "$" && text[at + 1] === "$") {
      const end = text.indexOf("$$", at + 2);
      const tex = end < 0 ? "" : text.slice(at + 2, end);
      if (tex.trim() !== "") take(end + 2, tex, true);
      else {
        if (end < 0) pending ??= at;
        copy(2);
      }
    } else if (character === "$") {
      const end = inlineEnd(text, at);
      if (end > 0) take(end + 1, text.slice(at + 1, end), false);
      else {
        if (end < 0) pending ??= at;
        copy(1);
      }
    } else {
      const plain = /[^`\\$]+/y;
      plain.lastIndex = at;
      copy(plain.exec(text)![0].length);
    }
  }
  return { text: out, formulas, pending };
}

// Length of the code span at `at`, or of its opening marks if it has no end.
function codeSpan(text: string, at: number): number {
  let marks = 1;
  while (text[at + marks] === "`") ++marks;
  for (let from = at + marks; ; ) {
    const next = text.indexOf("`", from);
    if (next < 0) return marks;
    let length = 1;
    while (text[next + length] === "`") ++length;
    if (length === marks) return next + length - at;
    from = next + length;
  }
}

const isWord = (character: string | undefined) => character !== undefined && /[\p{L}\p{N}]/u.test(character);
const looksLikeTex = (tex: string) => /[\\^_{}=]/.test(tex);

// Where the formula ends that the dollar at `at` begins; 0: it begins none; -1: its end may be still to come.
function inlineEnd(text: string, at: number): number {
  const first = text[at + 1];
  if (first === undefined) return -1;
  if (/[\s$]/.test(first)) return 0;
  const limit = Math.min(text.length, at + maxInline);
  let end = at + 1;
  for (; end < limit; ++end) {
    if (text[end] === "\\") ++end;
    else if (text[end] === "$" || text[end] === "`") break;
  }
  const tex = text.slice(at + 1, end);
  if (end >= text.length) return /^\d[\d.,]*(?:$|[\s;:)!?])/.test(tex) || isWord(text[at - 1]) ? 0 : -1;
  if (text[end] !== "$" || /\s/.test(text[end - 1])) return 0;
  if ((isWord(text[at - 1]) || isWord(text[end + 1])) && !looksLikeTex(tex)) return 0;
  return isMoney(tex) ? 0 : end;
}

// "$5, or 10$": begins as an amount and goes on in words.
function isMoney(tex: string): boolean {
  if (!/^\d/.test(tex) || looksLikeTex(tex) || /[+*/<>]/.test(tex)) return false;
  return !/^\d[\d.,]*\s?(%|[a-zA-Z]{0,3})$/.test(tex);
}
