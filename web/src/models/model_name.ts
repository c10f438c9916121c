// Names of models as people write them: [HOST/][SPACE/]MODEL[:TAG].

export interface NameParts {
  host: string; // "hf.co", or empty for the usual registry
  space: string; // "unsloth", or empty
  model: string;
  tag: string; // empty where it is "latest" or not said
}

export function nameParts(name: string): NameParts {
  const slash = name.lastIndexOf("/");
  const colon = name.indexOf(":", slash + 1);
  const tag = colon < 0 ? "" : name.slice(colon + 1);
  const path = (colon < 0 ? name : name.slice(0, colon)).split("/");
  const model = path.pop() ?? "";
  const space = path.pop() ?? "";
  return { host: path.join("/"), space, model, tag: tag === "latest" ? "" : tag };
}

// The name that a pull of the text asks for: pasted addresses and command lines become names. The server judges them.
export function pullName(text: string): string {
  return text
    .trim()
    .replace(/^(ollama|hearth)\s+(pull|run)\s+/i, "")
    .replace(/^https?:\/\/(www\.)?(huggingface\.co|hf\.co)\//i, "hf.co/")
    .replace(/^https?:\/\/(www\.)?ollama\.com\/(library\/)?/i, "")
    .replace(/\/(tree|blob|resolve)\/.*$/, "")
    .replace(/[?#].*$/, "")
    .replace(/\/$/, "");
}

export function sameModel(a: string, b: string): boolean {
  const whole = (name: string) => (/:[^/]*$/.test(name) ? name : `${name}:latest`).toLowerCase();
  return whole(a) === whole(b);
}

// Whether every word of the filter occurs in one of the texts.
export function matches(filter: string, ...texts: string[]): boolean {
  const all = texts.join(" ").toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}
