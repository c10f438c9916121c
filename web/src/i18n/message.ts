// Messages of the catalogue: a small part of ICU MessageFormat. "{name}" puts a value in (numbers in the language's
// way), "{count, plural, one {# chat} other {# chats}}" chooses by Intl.PluralRules, "=0 {…}" by the number itself;
// '#' stands for the number. Compiled once.

export type Values = Record<string, string | number>;
type Part = string | { name: string } | { name: string; choices: Map<string, Part[]> } | { hash: true };

export class Message {
  readonly #parts: Part[];

  // Throws SyntaxError where the text is not a message.
  constructor(text: string) {
    const parser = new Parser(text);
    this.#parts = parser.parts(false);
  }

  format(locale: string, values: Values): string {
    return render(this.#parts, locale, values, 0);
  }

  // The names of the values that the message takes.
  names(): Set<string> {
    const found = new Set<string>();
    const walk = (parts: Part[]) => {
      for (const part of parts) {
        if (typeof part === "string" || "hash" in part) continue;
        found.add(part.name);
        if ("choices" in part) part.choices.forEach(walk);
      }
    };
    walk(this.#parts);
    return found;
  }
}

function render(parts: Part[], locale: string, values: Values, count: number): string {
  let text = "";
  for (const part of parts) {
    if (typeof part === "string") text += part;
    else if ("hash" in part) text += number(locale, count);
    else {
      const value = values[part.name] ?? "";
      if ("choices" in part) {
        const n = Number(value);
        const choice =
          part.choices.get(`=${n}`) ??
          part.choices.get(new Intl.PluralRules(locale).select(n)) ??
          part.choices.get("other");
        text += render(choice ?? [], locale, values, n);
      } else text += typeof value === "number" ? number(locale, value) : value;
    }
  }
  return text;
}

function number(locale: string, value: number): string {
  return new Intl.NumberFormat(locale).format(value);
}

class Parser {
  #at = 0;

  constructor(readonly text: string) {}

  parts(inside: boolean): Part[] {
    const parts: Part[] = [];
    let plain = "";
    const flush = () => {
      if (plain) parts.push(plain);
      plain = "";
    };
    while (this.#at < this.text.length) {
      const c = this.text[this.#at];
      if (c === "{") {
        flush();
        parts.push(this.#argument());
      } else if (c === "}") {
        if (!inside) throw new SyntaxError(`unexpected } in "${this.text}"`);
        break;
      } else if (c === "#" && inside) {
        flush();
        parts.push({ hash: true });
        ++this.#at;
      } else {
        plain += c;
        ++this.#at;
      }
    }
    flush();
    return parts;
  }

  #argument(): Part {
    this.#expect("{");
    const name = this.#word();
    if (this.#take("}")) return { name };
    this.#expect(",");
    if (this.#word() !== "plural") throw new SyntaxError(`only plural is known in "${this.text}"`);
    this.#expect(",");
    const choices = new Map<string, Part[]>();
    while (!this.#take("}")) {
      const key = this.#word();
      this.#expect("{");
      choices.set(key, this.parts(true));
      this.#expect("}");
    }
    if (!choices.has("other")) throw new SyntaxError(`no "other" in "${this.text}"`);
    return { name, choices };
  }

  #word(): string {
    this.#space();
    const match = /^[=\w]+/.exec(this.text.slice(this.#at));
    if (!match) throw new SyntaxError(`a name is missing at ${this.#at} in "${this.text}"`);
    this.#at += match[0].length;
    return match[0];
  }

  #take(c: string): boolean {
    this.#space();
    if (this.text[this.#at] !== c) return false;
    ++this.#at;
    return true;
  }

  #expect(c: string) {
    if (!this.#take(c)) throw new SyntaxError(`${c} is missing at ${this.#at} in "${this.text}"`);
  }

  #space() {
    while (this.text[this.#at] === " ") ++this.#at;
  }
}
