// Which addresses an answer may link to, and how they are shown.

export interface Target {
  href: string;
  // What the address leads to, in the form that can't be mistaken (punycode); an address for mail: all of it.
  host: string;
}

const named: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", colon: ":", sol: "/", commat: "@" };

// Resolves the character references that matter in addresses.
function decode(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-zA-Z]+));/g, (all, decimal, hex, name) => {
    if (name) return named[name] ?? all;
    const code = decimal ? Number(decimal) : parseInt(hex, 16);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : "\uFFFD";
  });
}

// The target of a link; null: not one that the page opens (relative, of another scheme, malformed).
export function linkTarget(address: string): Target | null {
  const text = decode(address).trim();
  if (!/^(?:https?:\/\/|mailto:)/i.test(text) || /[\u0000-\u0020\u007F-\u009F]/.test(text)) return null;
  try {
    const url = new URL(text);
    if (url.protocol === "mailto:") {
      // No subject, body or copies made up by a model.
      const to = url.pathname;
      return /^[^\s@?&,;]+@[^\s@?&,;]+$/.test(to) ? { href: `mailto:${to}`, host: to } : null;
    }
    return url.host === "" ? null : { href: url.href, host: url.host };
  } catch {
    return null;
  }
}

// Whether a link's text says by itself where it leads.
export function saysHost(text: string, target: Target): boolean {
  const said = text.trim().toLowerCase().replace(/^(?:mailto:|https?:\/\/)/, "");
  const bare = target.host.replace(/^www\./, "");
  return [target.host, bare].some((host) => said === host || said.startsWith(`${host}/`) || said.startsWith(`${host}?`));
}

// A picture that the text itself contains, of a kind that can't carry code.
export function isInlineImage(address: string): boolean {
  return /^data:image\/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+=*$/.test(address);
}
