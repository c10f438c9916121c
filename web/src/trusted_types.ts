// The page's one Trusted Types policy ("hearth" in the server's content policy). Strings become markup or script
// addresses only here.
import highlighter from "./markdown/highlight.worker?worker&url";

interface Policy {
  createHTML(html: string): string;
  createScriptURL(address: string): string;
}

const scripts: readonly string[] = ["/sw.js", highlighter];

const rules: Policy = {
  createHTML: (html) => html,
  createScriptURL: (address) => {
    if (!scripts.includes(address)) throw new TypeError(`${address} is no script of this page`);
    return address;
  },
};

const factory = (
  globalThis as { trustedTypes?: { createPolicy(name: string, rules: Policy): Policy } }
).trustedTypes;

// For the sanitiser, which parses what it is to clean; nothing else makes markup of strings.
export const sanitiserPolicy: Policy = factory ? factory.createPolicy("hearth", rules) : rules;

export function serviceWorkerAddress(): string {
  return sanitiserPolicy.createScriptURL("/sw.js");
}

export function highlighterAddress(): string {
  return sanitiserPolicy.createScriptURL(highlighter);
}
