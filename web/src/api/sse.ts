// Reader of a text/event-stream (WHATWG HTML, 9.2.6): bytes in pieces of any size in, events out.

export interface ServerEvent {
  id: string;
  type: string;
  data: string;
}

export class SseParser {
  #rest = "";
  #afterCr = false;
  #id = "";
  #type = "";
  #data: string[] = [];

  // The id of the last whole event, which a reconnect sends as Last-Event-ID.
  lastId = "";

  push(text: string): ServerEvent[] {
    if (this.#afterCr && text.startsWith("\n")) text = text.slice(1);
    if (text) this.#afterCr = text.endsWith("\r");
    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() ?? "";
    const events: ServerEvent[] = [];
    for (const line of lines) {
      if (line === "") this.#dispatch(events);
      else this.#field(line);
    }
    return events;
  }

  #field(line: string) {
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (name === "event") this.#type = value;
    else if (name === "data") this.#data.push(value);
    else if (name === "id" && !value.includes("\0")) this.#id = value;
  }

  #dispatch(events: ServerEvent[]) {
    this.lastId = this.#id;
    if (this.#data.length > 0)
      events.push({ id: this.#id, type: this.#type || "message", data: this.#data.join("\n") });
    this.#type = "";
    this.#data = [];
  }
}
