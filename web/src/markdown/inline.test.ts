import { expect, test } from "vitest";
import { BlockParser, isContainer, paragraphText, type Block } from "./blocks";
import { hostile, pieces, random } from "./corpus/corpus";
import { extractFormulas } from "./formulas";
import { heal } from "./heal";
import { renderInline } from "./inline";
import { linkTarget, saysHost } from "./links";
import { visible } from "./visible";

const noReferences = new Map<string, never>();
const inline = (source: string) => renderInline(source, { references: noReferences, imageWord: "Image" });

// Sources of everything that is drawn as inline text.
function* sources(block: Block): Generator<string> {
  if (isContainer(block)) for (const child of block.children) yield* sources(child);
  else if (block.kind === "paragraph") yield paragraphText(block);
  else if (block.kind === "heading") yield block.text;
  else if (block.kind === "table") for (const row of [block.header, ...block.rows]) yield* row;
}

const tag =
  /^<(?:(\/?)(?:strong|em|b|i|u|s|del|ins|sub|sup|kbd|mark|code|small)|\/a|br|a href="(?:https?:\/\/|mailto:)[^"<>]*"(?: title="[^"<>]*")? target="_blank" rel="noopener noreferrer nofollow"|img src="data:image\/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+" alt="[^"<>]*")>$/;

test.each(hostile)("nothing but known markup comes out: $name", { timeout: 60_000 }, ({ text }) => {
  for (const longest of text.length < 2000 ? [1, 7, 100] : [20_000]) {
    const parser = new BlockParser();
    for (const piece of pieces(text, longest, random(3))) {
      parser.append(piece);
      if (parser.partialLine !== "") parser.preview(parser.partialLine);
      const last = parser.lastLeaf();
      const shown = last?.kind === "paragraph" ? paragraphText(last) : last?.kind === "heading" ? last.text : "";
      for (const patient of [true, false]) {
        const { html } = renderInline(heal(shown, patient).text, { references: parser.references, imageWord: "Image" });
        for (const [markup] of html.matchAll(/<[^>]*>?/g)) expect(markup).toMatch(tag);
      }
    }
    parser.finish();
    for (const source of sources(parser.root)) {
      const { html } = renderInline(source, { references: parser.references, imageWord: "Image" });
      for (const [markup] of html.matchAll(/<[^>]*>?/g)) expect(markup).toMatch(tag);
    }
  }
});

test("formulas in all four delimiters, out of the way of Markdown", () => {
  const found = (text: string) => extractFormulas(text).formulas.map(({ tex, display }) => (display ? [tex] : tex));
  expect(found("$a*b$ and \\(c_d\\) and $$e$$ and \\[f\\]")).toEqual(["a*b", "c_d", ["e"], ["f"]]);
  expect(found("the 3$\\times$3 grid, $2x$, $5$, $n=3$, ($x$), $x$-axis, $x$.")).toEqual(["\\times", "2x", "5", "n=3", "x", "x", "x"]);
  expect(found("$\\$5 + x$ and more")).toEqual(["\\$5 + x"]);
  expect(inline("*a $x*y$ b* and **$\\alpha$**").html).toBe("<em>a \uE0000\uE001 b</em> and <strong>\uE0001\uE001</strong>");
  expect(inline("[see $x$](https://example.com/$y$)").html).toContain('href="https://example.com/$y$"');
});

test.each([
  "$5 and $10",
  "between $5-$10, or $1,000.50 in all",
  "US$5, A$ and B$",
  "$HOME and $PATH, $HOME/$USER",
  "costs 5$ or 10$ each",
  "$5, or 10$",
  "escaped \\$x\\$",
  "`$x$` and ``\\(y\\)``",
  "$ x $",
  "$$",
  "\\(",
  "earn $20/month or $200/year",
])("no formula: %s", (text) => expect(extractFormulas(text).formulas).toEqual([]));

test.each([
  ["https://example.com/a b", null],
  ["HTTPS://Example.com", "https://example.com/"],
  ["https://example.com@evil.invalid/", "https://example.com@evil.invalid/"],
  ["https://example.com&#64;evil.invalid/", "https://example.com@evil.invalid/"],
  ["mailto:a@b.invalid?bcc=c@d.invalid", "mailto:a@b.invalid"],
  ["javascript:alert(1)", null],
  ["javascript&colon;alert(1)", null],
  ["&#106;avascript:alert(1)", null],
  ["java\tscript:alert(1)", null],
  ["/relative", null],
  ["//evil.invalid", null],
  ["data:text/html,x", null],
  ["ftp://example.com/", null],
])("links to %s go to %s", (address, href) => expect(linkTarget(address)?.href ?? null).toBe(href));

test("a link whose text does not say its host shows it", () => {
  expect(saysHost("example.com/x", linkTarget("https://www.example.com/x")!)).toBe(true);
  expect(saysHost("https://example.com", linkTarget("https://evil.invalid/")!)).toBe(false);
  expect(saysHost("evil.invalid.example.com", linkTarget("https://evil.invalid/")!)).toBe(false);
  expect(inline("[https://example.com](https://evil.invalid)").html).toContain("<small>evil.invalid</small>");
  expect(inline("[x](https://example.com@evil.invalid/)").html).toContain("<small>evil.invalid</small>");
  expect(inline("[x](https://\u0430pple.com/)").html).toContain("<small>xn--pple-43d.com</small>");
  expect(inline("<https://example.com/a>").html).not.toContain("<small>");
});

test("raw HTML is text, except plain tags", () => {
  expect(inline("H<sub>2</sub>O<br/>x").html).toBe("H<sub>2</sub>O<br>x");
  expect(inline("use <div> and <Vec<T>>").html).toBe("use &#60;div&#62; and &#60;Vec&#60;T&#62;&#62;");
  expect(inline('<sub class="x">').html).toBe("&#60;sub class=&#34;x&#34;&#62;");
  expect(inline("<kbd>**a**</kbd>").html).toBe("<kbd><strong>a</strong></kbd>");
});

test("characters that reorder text are seen", () => {
  expect(visible("a\u202Eb\u2066c")).toBe("a[U+202E]b[U+2066]c");
  expect(visible("\u200Fعربي\u200E")).toBe("\u200Fعربي\u200E");
});

const patientCases: [string, string][] = [
  ["some **bold te", "some **bold te**"],
  ["some **", "some"],
  ["some *", "some"],
  ["**bold** and *it", "**bold** and *it*"],
  ["***both", "***both***"],
  ["**a *b", "**a *b***"],
  ["a ~~b", "a ~~b~~"],
  ["see `co", "see `co`"],
  ["see `", "see"],
  ["see ``a ` b", "see ``a ` b``"],
  ["see [the ma", "see"],
  ["see [the manual](https://exam", "see"],
  ["see [the manual](https://example.com) an", "see [the manual](https://example.com) an"],
  ["see ![pic](https://exam", "see"],
  ["energy $E = mc", "energy"],
  ["energy \\(E = mc", "energy"],
  ["it costs $5", "it costs $5"],
  ["it costs $5 and $1", "it costs $5 and $1"],
  ["a <su", "a"],
  ["a &am", "a"],
  ["a < b", "a < b"],
  ["snake_case", "snake_case"],
  ["2 * 3", "2 * 3"],
  ["done.", "done."],
  ["[1] is text", "[1] is text"],
];
test.each(patientCases)("while %j is written, %j is shown", (source, shown) => {
  expect(heal(source, true).text).toBe(shown);
});

const impatientCases: [string, string][] = [
  ["see [the ma", "see the ma"],
  ["see [the manual](https://exam", "see the manual"],
  ["see ![pic](https://exam", "see"],
  ["energy $E = mc", "energy"],
  ["wow!", "wow!"],
  ["AT&T", "AT&T"],
];
test.each(impatientCases)("after a while, %j is shown as %j", (source, shown) => {
  expect(heal(source, false).text).toBe(shown);
});
