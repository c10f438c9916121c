// Makes a document fragment of an answer's HTML: an allow-list of tags and attributes, nothing that loads, runs, is
// styled or has a name that a script could meet.
import DOMPurify, { type Config } from "dompurify";
import { sanitiserPolicy } from "../trusted_types";
import { isInlineImage, linkTarget } from "./links";

const config: Config = {
  ALLOWED_TAGS: [
    "a", "b", "br", "code", "del", "em", "i", "img", "ins", "kbd", "mark", "s", "small", "strong", "sub", "sup", "u",
  ],
  ALLOWED_ATTR: ["alt", "href", "rel", "src", "target", "title"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  SANITIZE_NAMED_PROPS: true,
  RETURN_DOM_FRAGMENT: true,
  TRUSTED_TYPES_POLICY: sanitiserPolicy as unknown as Config["TRUSTED_TYPES_POLICY"],
};

let purifier: ReturnType<typeof DOMPurify> | null = null;

function instance() {
  if (purifier) return purifier;
  purifier = DOMPurify(window);
  purifier.setConfig(config);
  purifier.addHook("afterSanitizeAttributes", (node) => {
    if (node.nodeName === "A") {
      if (!linkTarget(node.getAttribute("href") ?? "")) node.removeAttribute("href");
      node.setAttribute("target", "_blank");
      node.setAttribute("rel", "noopener noreferrer nofollow");
    } else if (node.nodeName === "IMG" && !isInlineImage(node.getAttribute("src") ?? "")) node.remove();
  });
  return purifier;
}

export function sanitise(html: string): DocumentFragment {
  // Most of an answer: words without any markup are a text node, with nothing to parse.
  if (!/[<&]/.test(html)) {
    const fragment = document.createDocumentFragment();
    if (html !== "") fragment.append(html);
    return fragment;
  }
  return instance().sanitize(html) as unknown as DocumentFragment;
}
