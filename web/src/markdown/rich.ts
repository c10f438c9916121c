// What is copied of an answer for programs with formatted text, and for those without: formulas as they were written,
// no buttons, no hosts behind links.
import { codeOf } from "./code_view";

const kept = new Set(
  "A B BLOCKQUOTE BR CODE DEL EM H3 H4 H5 H6 HR I INS KBD LI MARK OL P S STRONG SUB SUP TABLE TBODY TD TH THEAD TR U UL".split(" "),
);
const blocks = new Set("BLOCKQUOTE DIV FIGURE H3 H4 H5 H6 HR LI OL P TABLE TR UL".split(" "));

const escape = (text: string) =>
  text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

interface Copied {
  html: string;
  text: string;
}

function children(node: Node): Copied {
  let html = "";
  let text = "";
  for (const child of node.childNodes) {
    const part = copied(child);
    html += part.html;
    if (child instanceof HTMLElement && blocks.has(child.tagName) && text !== "" && !text.endsWith("\n")) text += "\n";
    text += part.text;
  }
  return { html, text };
}

// Of a node of an answer, or of a fragment copied from one.
export function copied(node: Node): Copied {
  if (node instanceof Text) return { html: escape(node.data), text: node.data };
  if (!(node instanceof HTMLElement)) return children(node);
  if (node.dataset.source !== undefined) return { html: escape(node.dataset.source), text: node.dataset.source };
  if (node.tagName === "BUTTON" || node.tagName === "FIGCAPTION" || node.matches("a small, .task")) {
    if (!node.matches(".task")) return { html: "", text: "" };
    const box = node.matches(".done") ? "☑ " : "☐ ";
    return { html: box, text: box };
  }
  if (node.matches("figure.code")) {
    const code = codeOf(node) ?? node.querySelector("code")?.textContent ?? "";
    return { html: `<pre><code>${escape(code)}</code></pre>`, text: `${code}\n` };
  }
  const { html, text } = children(node);
  const name = node.dataset.level ? `h${node.dataset.level}` : node.localName;
  const end = node.tagName === "BR" || (blocks.has(node.tagName) && !text.endsWith("\n")) ? "\n" : "";
  const said = { text: (node.tagName === "TD" || node.tagName === "TH" ? `${text}\t` : text) + end };
  if (!kept.has(node.tagName)) return { html, ...said };
  const address = node.tagName === "A" ? ` href="${escape((node as HTMLAnchorElement).href)}"` : "";
  if (node.tagName === "BR" || node.tagName === "HR") return { html: `<${name}>`, ...said };
  return { html: `<${name}${address}>${html}</${name}>`, ...said };
}

// Puts formulas as they were written on the clipboard when a part of an answer is copied.
export function copySelection(event: ClipboardEvent) {
  const selection = getSelection();
  if (!selection || selection.isCollapsed || !event.clipboardData) return;
  const range = selection.getRangeAt(0).cloneRange();
  const formulaAt = (node: Node) => (node instanceof Element ? node : node.parentElement)?.closest(".formula");
  const [first, last] = [formulaAt(range.startContainer), formulaAt(range.endContainer)];
  if (first) range.setStartBefore(first);
  if (last) range.setEndAfter(last);
  const fragment = range.cloneContents();
  // The browser does the rest well.
  if (!fragment.querySelector(".formula")) return;
  const { html, text } = copied(fragment);
  event.clipboardData.setData("text/html", html);
  event.clipboardData.setData("text/plain", text.replace(/\n$/, ""));
  event.preventDefault();
}
