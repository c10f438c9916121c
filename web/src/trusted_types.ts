// The page's one Trusted Types policy ("hearth" in the server's content policy). Strings become markup or script
// addresses only here.

interface Policy {
  createHTML(html: string): string;
  createScriptURL(address: string): string;
}

const rules: Policy = {
  createHTML: (html) => html,
  createScriptURL: (address) => {
    if (address !== "/sw.js") throw new TypeError(`${address} is no script of this page`);
    return address;
  },
};

const factory = (
  globalThis as { trustedTypes?: { createPolicy(name: string, rules: Policy): Policy } }
).trustedTypes;
const policy = factory ? factory.createPolicy("hearth", rules) : rules;

// For markup that a sanitiser has made, and nothing else.
export function sanitisedMarkup(html: string): string {
  return policy.createHTML(html);
}

export function serviceWorkerAddress(): string {
  return policy.createScriptURL("/sw.js");
}
