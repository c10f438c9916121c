// What stands inside a block, as HTML: emphasis, code, links. Raw HTML is shown as text, except plain tags without
// attributes that models use for want of Markdown (H<sub>2</sub>O). The result still goes through the sanitiser.
import { Lexer, Parser, Renderer, Tokenizer, type Tokens } from "marked";
import type { Reference } from "./blocks";
import { extractFormulas, restoreFormulas, type Formula } from "./formulas";
import { isInlineImage, linkTarget, saysHost } from "./links";
import { visible } from "./visible";

export interface Inline {
  html: string;
  // In the order of the marks in the HTML's text.
  formulas: Formula[];
  // Labels that a definition still to come may turn into links.
  labels: string[];
}

export interface InlineOptions {
  references: ReadonlyMap<string, Reference>;
  // "Image", in front of the text that stands for a picture of another origin.
  imageWord: string;
}

const plainTag = /^<(\/?)(br|sub|sup|kbd|mark|u|s|del|ins|b|i|em|strong)\s*(\/?)>/i;

const escapeAll = (text: string) =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
// Leaves character references alone.
const escapeText = (text: string) =>
  text.replace(/[<>"']|&(?!(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|\w+);)/g, (character) => `&#${character.charCodeAt(0)};`);

// Tags of one paragraph; those that never end nest, and depth is what costs a browser most.
const maxTags = 100;

class InlineTokenizer extends Tokenizer {
  #tags = 0;

  override tag(source: string): Tokens.Tag | undefined {
    const found = plainTag.exec(source);
    if (!found || ++this.#tags > maxTags) return undefined;
    return { type: "html", raw: found[0], inLink: false, inRawBlock: false, block: false, text: found[0] };
  }
}

class InlineRenderer extends Renderer {
  formulas: Formula[] = [];
  imageWord = "";
  #inLink = false;

  override html({ text }: Tokens.HTML | Tokens.Tag): string {
    const found = plainTag.exec(text);
    if (!found) return escapeText(text);
    const name = found[2].toLowerCase();
    return name === "br" ? "<br>" : `<${found[1]}${name}>`;
  }

  override text(token: Tokens.Text | Tokens.Escape): string {
    return "tokens" in token && token.tokens ? this.parser.parseInline(token.tokens) : escapeText(token.text);
  }

  override codespan({ text }: Tokens.Codespan): string {
    return `<code>${escapeAll(text)}</code>`;
  }

  override link({ href, title, text, tokens }: Tokens.Link): string {
    if (this.#inLink) return this.parser.parseInline(tokens);
    this.#inLink = true;
    const inner = this.parser.parseInline(tokens);
    this.#inLink = false;
    return this.#anchor(href, title, inner, restoreFormulas(text, this.formulas)) ?? inner;
  }

  override image({ href, title, text }: Tokens.Image): string {
    const address = restoreFormulas(href, this.formulas);
    const words = escapeAll(restoreFormulas(text, this.formulas));
    if (isInlineImage(address)) return `<img src="${address}" alt="${words}">`;
    const name = words === "" ? this.imageWord : `${this.imageWord}: ${words}`;
    if (this.#inLink) return name;
    return this.#anchor(address, title ?? null, name, "") ?? name;
  }

  #anchor(href: string, title: string | null | undefined, inner: string, text: string): string | null {
    const target = linkTarget(restoreFormulas(href, this.formulas));
    if (!target) return null;
    const about = title ? ` title="${escapeAll(restoreFormulas(title, this.formulas))}"` : "";
    const host = saysHost(text, target) ? "" : ` <small>${escapeAll(visible(target.host))}</small>`;
    return `<a href="${escapeAll(target.href)}"${about} target="_blank" rel="noopener noreferrer nofollow">${inner}${host}</a>`;
  }
}

const renderer = new InlineRenderer();
const parser = new Parser({ renderer });
renderer.parser = parser;

export function renderInline(source: string, options: InlineOptions): Inline {
  const { text, formulas } = extractFormulas(visible(source).replace(/[ \t]{3,}/g, "  "));
  const links: Record<string, { href: string; title: string | null }> = Object.create(null);
  const labels: string[] = [];
  if (text.includes("["))
    for (const [, label] of text.matchAll(/\[([^[\]]{1,200})\]/g)) {
      const key = label.replace(/\s+/g, " ").toLowerCase();
      const reference = options.references.get(key.trim());
      if (reference) links[key] = reference;
      else labels.push(key.trim());
    }
  renderer.formulas = formulas;
  renderer.imageWord = escapeAll(options.imageWord);
  let html: string;
  try {
    const lexer = new Lexer({ gfm: true, breaks: true, tokenizer: new InlineTokenizer() });
    lexer.tokens.links = links as typeof lexer.tokens.links;
    html = parser.parseInline(lexer.inlineTokens(text));
  } catch (error) {
    // Nested more deeply than the stack goes.
    if (!(error instanceof RangeError)) throw error;
    html = escapeAll(text);
  }
  return { html, formulas, labels };
}
