// What a line of Markdown is: the tests that the block structure is made of (CommonMark 0.31 section 4 and 5, GFM).
// All take the line without its containers' markers and without its end; none looks at other lines.

export type Align = "left" | "right" | "center" | null;

export interface ListMarker {
  // The bullet, or the character after the number: items with another one begin another list.
  kind: string;
  start: number | null;
  // Characters of the marker itself, and whether nothing follows it.
  width: number;
  empty: boolean;
}

export const isBlank = (text: string) => !/[^ \t]/.test(text);

export function indentOf(text: string): number {
  let count = 0;
  while (text[count] === " ") ++count;
  return count;
}

// Turns tabs in the indentation into spaces, for text that begins at `column` of its line.
export function expandIndent(text: string, column: number): string {
  if (!/^ *\t/.test(text)) return text;
  let width = 0;
  let at = 0;
  for (; at < text.length; ++at) {
    if (text[at] === " ") ++width;
    else if (text[at] === "\t") width += 4 - ((column + width) % 4);
    else break;
  }
  return " ".repeat(width) + text.slice(at);
}

export function atxHeading(text: string): { level: number; text: string } | null {
  const found = /^ {0,3}(#{1,6})(?=[ \t]|$)/.exec(text);
  if (!found) return null;
  let rest = text.slice(found[0].length).trim();
  const closing = rest.replace(/#+$/, "");
  if (closing === "" || /[ \t]$/.test(closing)) rest = closing.trimEnd();
  return { level: found[1].length, text: rest };
}

export function fenceStart(text: string): { fence: string; info: string } | null {
  const found = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(text);
  if (!found || (found[1][0] === "`" && found[2].includes("`"))) return null;
  return { fence: found[1], info: found[2].trim() };
}

export function closesFence(text: string, fence: string): boolean {
  const found = /^ {0,3}(`+|~+)[ \t]*$/.exec(text);
  return found !== null && found[1][0] === fence[0] && found[1].length >= fence.length;
}

// A display formula: $$ or \[ with its formula on this line alone or on the next ones.
export function mathStart(text: string): "$$" | "\\[" | null {
  const found = /^ {0,3}(\$\$|\\\[)(?!\$)/.exec(text);
  if (!found) return null;
  const opener = found[1] as "$$" | "\\[";
  const closer = opener === "$$" ? "$$" : "\\]";
  const rest = text.slice(found[0].length);
  const at = rest.indexOf(closer);
  return at < 0 || isBlank(rest.slice(at + 2)) ? opener : null;
}

// 1, 2: the paragraph before is a heading of that level; 0: not an underline.
export function setextUnderline(text: string): 0 | 1 | 2 {
  if (/^ {0,3}=+[ \t]*$/.test(text)) return 1;
  return /^ {0,3}-+[ \t]*$/.test(text) ? 2 : 0;
}

export function isRule(text: string): boolean {
  const marks = text.replace(/[ \t]/g, "");
  return marks.length >= 3 && indentOf(text) < 4 && (/^-+$/.test(marks) || /^\*+$/.test(marks) || /^_+$/.test(marks));
}

export function listMarker(text: string, allowed: boolean): ListMarker | null {
  const found = allowed ? /^ {0,3}([-+*]|(\d{1,9})([.)]))(?=[ \t]|$)/.exec(text) : null;
  if (!found) return null;
  return {
    kind: found[3] ?? found[1],
    start: found[2] === undefined ? null : Number(found[2]),
    width: found[1].length,
    empty: isBlank(text.slice(found[0].length)),
  };
}

// The box at the start of a list item: done or not; null: there is none.
export function taskMark(text: string): boolean | null {
  const found = /^\[([ xX])\] (?=\S)/.exec(text);
  return found ? found[1] !== " " : null;
}

// [label]: address "title", on one line. Footnote-like labels are text.
export function definition(text: string): { label: string; href: string; title: string | null } | null {
  const found = /^ {0,3}\[([^\]\\^][^\]\\]{0,500})\]:[ \t]*(<[^<>]*>|[^\s<]\S*)(?:[ \t]+("[^"]*"|'[^']*'|\([^()]*\)))?[ \t]*$/.exec(text);
  if (!found) return null;
  const href = found[2].startsWith("<") ? found[2].slice(1, -1) : found[2];
  return { label: labelKey(found[1]), href, title: found[3] ? found[3].slice(1, -1) : null };
}

export const labelKey = (label: string) => label.trim().replace(/\s+/g, " ").toLowerCase();

// The line below a table's header: the alignment of its columns.
export function delimiterRow(text: string): Align[] | null {
  if (!/^ {0,3}\|?[ \t]*:?-+:?[ \t]*(\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/.test(text)) return null;
  return splitRow(text).map((cell) => {
    const [left, right] = [cell.startsWith(":"), cell.endsWith(":")];
    return left && right ? "center" : right ? "right" : left ? "left" : null;
  });
}

const maxColumns = 128;

// Cells of a row, `count` of them if that is given. A pipe after a backslash belongs to the cell, also in code.
export function splitRow(text: string, count?: number): string[] {
  let row = text.trim();
  if (row.startsWith("|")) row = row.slice(1);
  const cells: string[] = [];
  let cell = "";
  for (let at = 0; at < row.length; ++at) {
    if (row[at] === "\\" && row[at + 1] === "|") cell += row[++at];
    else if (row[at] === "\\" && at + 1 < row.length) cell += row[at] + row[++at];
    else if (row[at] === "|") {
      cells.push(cell.trim());
      cell = "";
    } else cell += row[at];
  }
  if (cell.trim() !== "" || cells.length === 0) cells.push(cell.trim());
  if (cells.length > maxColumns) cells.length = maxColumns;
  if (count === undefined) return cells;
  while (cells.length < count) cells.push("");
  return cells.slice(0, count);
}
