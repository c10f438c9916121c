import { Marked } from "marked";
import { expect, test } from "vitest";
import { BlockParser, isContainer, maxLine, paragraphText, type Block } from "./blocks";
import { answers, pieces, random } from "./corpus/corpus";
import { shownLine } from "./heal";
import { renderInline } from "./inline";

function parse(text: string): BlockParser {
  const parser = new BlockParser();
  parser.append(text);
  parser.finish();
  return parser;
}

// The tree as HTML in the way of CommonMark's examples.
function html(parser: BlockParser, block: Block = parser.root, loose = true): string {
  const inline = (source: string) => {
    const { html, formulas } = renderInline(source, { references: parser.references, imageWord: "Image" });
    return html.replace(/\uE000(\d+)\uE001/g, (_, i) => `<f>${formulas[Number(i)].tex}</f>`);
  };
  if (isContainer(block)) {
    const inner = (tight: boolean) => block.children.map((child) => html(parser, child, !tight)).join("");
    if (block.kind === "root") return inner(false);
    if (block.kind === "quote") return `<blockquote>\n${inner(false)}</blockquote>\n`;
    if (block.kind === "item") return `<li>${block.task === null ? "" : block.task ? "☑ " : "☐ "}${inner(!loose)}</li>\n`;
    const tag = block.marker!.start === null ? "ul" : "ol";
    const start = tag === "ol" && block.marker!.start !== 1 ? ` start="${block.marker!.start}"` : "";
    const items = block.children.map((item) => html(parser, item, block.loose)).join("");
    return `<${tag}${start}>\n${items}</${tag}>\n`;
  }
  switch (block.kind) {
    case "paragraph": {
      const text = inline(paragraphText(block).trim());
      return loose ? `<p>${text}</p>\n` : text;
    }
    case "heading":
      return `<h${block.level}>${inline(block.text)}</h${block.level}>\n`;
    case "rule":
      return "<hr>\n";
    case "code": {
      const code = block.fence === null ? block.parts.join("").replace(/\n+$/, "\n") : block.parts.join("");
      return `<pre>${block.info}|${code.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;").replaceAll("'", "&#39;")}</pre>\n`;
    }
    case "math":
      return `<math>${block.tex.trim()}</math>\n`;
    case "table": {
      const row = (cells: string[], tag: string) =>
        `<tr>\n${cells.map((cell, i) => `<${tag}${block.align[i] ? ` align="${block.align[i]}"` : ""}>${inline(cell)}</${tag}>\n`).join("")}</tr>\n`;
      const body = block.rows.length > 0 ? `<tbody>${block.rows.map((cells) => row(cells, "td")).join("")}</tbody>` : "";
      return `<table>\n<thead>\n${row(block.header, "th")}</thead>\n${body}</table>\n`;
    }
  }
}

// What marked makes of it, without what the page does differently: addresses, pictures, raw HTML, formulas.
const marked = new Marked({ gfm: true, breaks: true });
marked.use({
  renderer: {
    code: ({ text, lang, escaped }) =>
      `<pre>${lang ?? ""}|${(escaped ? text : text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;").replaceAll("'", "&#39;")).replace(/\n*$/, "\n")}</pre>\n`,
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
  },
});

function plain(markup: string): string {
  return markup
    .replace(/<a [^>]*>|<\/a>| <small>[^<]*<\/small>/g, "")
    .replace(/&quot;|&#34;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&lt;|&#60;/g, "<")
    .replace(/&gt;|&#62;/g, ">")
    .replace(/&amp;|&#38;/g, "&")
    .replace(/<br>\n?/g, "<br>")
    .replace(/\s*\n\s*/g, "\n")
    .replace(/\n(?=<\/(?:li|pre)>)|(?<=<li>)\n/g, "")
    .replace(/(<li>(?:[☑☐] )?[^\n]*?[^>\n])\n?(<(?:ul|ol|pre|blockquote|table|h\d)\b)/g, "$1$2")
    .trim();
}

const comparable = answers.filter((text) => !/\$|\\\(|\\\[|!\[|<(?:div|sub|span)|an unclosed `|```\nunclosed/.test(text));

test.each(comparable)("the structure is the one that marked finds: %j", (text) => {
  expect(plain(html(parse(text)))).toBe(plain(marked.parse(text, { async: false })));
});

test.each(answers)("pieces give the same tree as the whole, previews leave no trace: %j", (text) => {
  const whole = parse(text);
  for (const longest of [1, 3, 17, 80]) {
    const next = random(longest);
    const parser = new BlockParser();
    for (const piece of pieces(text, longest, next)) {
      parser.append(piece);
      const tip = parser.tip();
      const line = shownLine(parser.partialLine, tip?.kind ?? null, tip?.kind === "code" ? tip.fence : null, next(2) === 0);
      parser.preview(next(4) === 0 ? parser.partialLine : line);
      html(parser);
    }
    parser.finish();
    expect(html(parser)).toBe(html(whole));
    expect(parser.root).toEqual(whole.root);
  }
});

test("blocks that are final never change", () => {
  const text = answers.join("\n\n");
  const parser = new BlockParser();
  const seen = new Map<Block, string>();
  const visit = (block: Block) => {
    if (block.final) {
      const now = JSON.stringify(block);
      expect(seen.get(block) ?? now).toBe(now);
      seen.set(block, now);
    }
    if (isContainer(block)) block.children.forEach(visit);
  };
  for (const piece of pieces(text, 200, random(7))) {
    parser.append(piece);
    if (parser.partialLine !== "") parser.preview(parser.partialLine);
    visit(parser.root);
  }
});

test("lines and paragraphs beyond all measure are taken in parts, and nothing of them is lost", () => {
  const long = "word ".repeat(40_000).trim();
  const whole = parse(`Before.\n\n- ${long}\n\nAfter.`);
  const item = (whole.root.children[1] as { children: { children: Block[] }[] }).children[0].children;
  expect(item.length).toBeGreaterThan(20);
  const texts = item.map((block) => (block.kind === "paragraph" ? paragraphText(block) : "?"));
  expect(texts.join("")).toBe(long);
  expect(Math.max(...texts.map((text) => text.length))).toBeLessThanOrEqual(maxLine);
  const code = parse("```\n" + "x".repeat(100_000) + "\n```\n").root.children[0];
  expect(code.kind === "code" && code.parts.join("")).toBe("x".repeat(100_000) + "\n");
  const pairs = parse("😀".repeat(5000)).root.children.map((block) => (block as { lines: string[] }).lines[0]);
  expect(pairs.every((line) => !/^[\uDC00-\uDFFF]|[\uD800-\uDBFF]$/.test(line))).toBe(true);
});

test("code keeps its tabs, also in lists and quotes", () => {
  const code = (text: string) => {
    let block: Block = parse(text).root;
    while (isContainer(block)) block = block.children[0];
    return block.kind === "code" && block.parts.join("");
  };
  expect(code("```make\nall:\n\tcc x.c\n```")).toBe("all:\n\tcc x.c\n");
  expect(code("- ```make\n  all:\n  \tcc x.c\n  ```")).toBe("all:\n\tcc x.c\n");
  expect(code("> ```make\n> all:\n> \tcc x.c\n> ```")).toBe("all:\n\tcc x.c\n");
});

test("nesting has an end", () => {
  let depth = 0;
  for (let block: Block | undefined = parse(">".repeat(5000) + " x").root; block; ++depth)
    block = isContainer(block) ? block.children[0] : undefined;
  expect(depth).toBeLessThan(40);
  expect(() => parse("- ".repeat(5000) + "x")).not.toThrow();
});

// Quadratic work on these would take minutes.
test("long runs of anything are read in linear time", { timeout: 60_000 }, () => {
  const units = ["a", "> ", "- ", "|", "[", "`", "*", "#", "\t", "$$", "\\[", "![", "1. ", "|-", "<", "&", "\n", "> \n", "- a\n", "``\n", "\\"];
  for (const unit of units) expect(parse(unit.repeat(300_000 / unit.length)).root.open).toBe(false);
});
