// Colours of code as runs of text.

// Text runs in order: how long each is and what it is ("" for plain text).
export interface Colours {
  lengths: number[];
  kinds: string[];
}

// The scopes that the page has colours for, by the highlighter's names.
const kinds: Record<string, string> = {
  keyword: "keyword", "selector-tag": "keyword", doctag: "keyword", "template-tag": "keyword",
  string: "string", regexp: "string", char: "string", addition: "added", deletion: "removed",
  comment: "comment", quote: "comment", meta: "meta",
  number: "number", literal: "number", symbol: "number", bullet: "number", link: "number",
  title: "title", section: "title", "selector-id": "title", "selector-class": "title",
  type: "type", built_in: "type", name: "keyword", tag: "",
  attr: "name", attribute: "name", variable: "name", "template-variable": "name", property: "name", params: "",
  subst: "", operator: "", punctuation: "",
};

// Reads the highlighter's HTML: spans with classes, and text with character references.
export function colours(html: string): Colours {
  const result: Colours = { lengths: [], kinds: [] };
  const stack = [""];
  const add = (length: number) => {
    const kind = stack.at(-1)!;
    const last = result.kinds.length - 1;
    if (last >= 0 && result.kinds[last] === kind) result.lengths[last] += length;
    else {
      result.kinds.push(kind);
      result.lengths.push(length);
    }
  };
  for (const [token, classes] of html.matchAll(/<span class="([^"]*)">|<\/span>|&[#\w]+;|[^<&]+/g)) {
    if (classes !== undefined) {
      const scope = /hljs-([\w-]+)/.exec(classes)?.[1] ?? "";
      stack.push(kinds[scope] ?? stack.at(-1)!);
    } else if (token === "</span>") stack.pop();
    else add(token.startsWith("&") ? 1 : token.length);
  }
  return result;
}
