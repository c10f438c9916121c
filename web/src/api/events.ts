// A stream of server events that survives a lost connection: it reconnects with growing pauses and takes up where it
// was with Last-Event-ID. A page that nobody sees gives its connection back after a while, as a browser has six for all
// tabs of a server.
import { ApiError } from "./client";
import { connection } from "./connection.svelte";
import { SseParser, type ServerEvent } from "./sse";

export interface StreamHandlers {
  event: (event: ServerEvent) => void;
  // The connection is there (again).
  open?: () => void;
  // The server refuses for good (4xx): there is no reconnect.
  refused?: (error: ApiError) => void;
}

// The server sends a heartbeat every 15 s; a connection silent for longer is dead.
const silenceLimitMs = 40_000;
const firstPauseMs = 500;
const longestPauseMs = 10_000;
const hiddenLimitMs = 20_000;

export class EventStream {
  #abort = new AbortController();
  #lastId = "";
  #closed = false;
  #wake: (() => void) | null = null;
  #hiddenTimer = 0;
  readonly #onOnline = () => this.#wake?.();
  readonly #onVisibility = () => {
    clearTimeout(this.#hiddenTimer);
    if (document.hidden) this.#hiddenTimer = window.setTimeout(() => this.#abort.abort(), hiddenLimitMs);
    else this.#wake?.();
  };

  constructor(
    readonly path: string,
    readonly handlers: StreamHandlers,
  ) {
    addEventListener("online", this.#onOnline);
    document.addEventListener("visibilitychange", this.#onVisibility);
    void this.#run();
  }

  close() {
    this.#closed = true;
    removeEventListener("online", this.#onOnline);
    document.removeEventListener("visibilitychange", this.#onVisibility);
    clearTimeout(this.#hiddenTimer);
    this.#abort.abort();
    this.#wake?.();
  }

  async #run() {
    let pause = firstPauseMs;
    while (!this.#closed) {
      try {
        await this.#connect(() => (pause = firstPauseMs));
      } catch (error) {
        if (this.#closed) return;
        if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429) {
          this.close();
          this.handlers.refused?.(error);
          return;
        }
        if (!document.hidden) connection.lost();
      }
      if (this.#closed) return;
      await this.#sleep(document.hidden ? null : pause);
      pause = Math.min(pause * 2, longestPauseMs);
    }
  }

  async #connect(opened: () => void) {
    this.#abort = new AbortController();
    const headers: Record<string, string> = { Accept: "text/event-stream", "X-Hearth-Page": "1" };
    if (this.#lastId) headers["Last-Event-ID"] = this.#lastId;
    let silence = setTimeout(() => this.#abort.abort(), silenceLimitMs);
    try {
      const response = await fetch(this.path, {
        headers,
        signal: this.#abort.signal,
        cache: "no-store",
        credentials: "same-origin",
      });
      if (response.status === 401) connection.signedOut();
      if (!response.ok || !response.body)
        throw new ApiError(`http_${response.status}`, response.statusText, response.status);
      opened();
      connection.found();
      this.handlers.open?.();
      const parser = new SseParser();
      const decoder = new TextDecoder();
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done || this.#closed) return;
        clearTimeout(silence);
        silence = setTimeout(() => this.#abort.abort(), silenceLimitMs);
        for (const event of parser.push(decoder.decode(value, { stream: true }))) {
          if (event.id) this.#lastId = event.id;
          this.handlers.event(event);
          if (this.#closed) return;
        }
      }
    } finally {
      clearTimeout(silence);
    }
  }

  // null: until the page is looked at.
  #sleep(ms: number | null): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === null ? undefined : setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
