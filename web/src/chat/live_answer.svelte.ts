// An answer that is being written, from the server's events into its message: at most once a frame, however fast they
// come.
import type { ApiError } from "../api/client";
import { server } from "../api/client";
import { EventStream } from "../api/events";
import type { AnswerEvent, Message } from "../api/types";

export type AnswerState = "loading" | "queued" | "reading" | "writing";

export class LiveAnswer {
  state = $state<AnswerState | null>(null);
  // Tokens of the prompt: all, found in the cache, read so far.
  progress = $state.raw<{ total: number; cached: number; processed: number } | null>(null);
  readonly #stream: EventStream;
  #text = "";
  #reasoning = "";
  #thinkingSince = 0;
  #frame = 0;

  // `message` is changed in place. `ended` gets the answer as the server keeps it; `lost` that it can't be followed.
  constructor(
    readonly message: Message,
    readonly ended: (message: Message) => void,
    readonly lost: (error: ApiError) => void,
  ) {
    this.#stream = new EventStream(server.answerEventsPath(message.id), {
      event: ({ type, data }) => this.#take({ type, data: JSON.parse(data) } as AnswerEvent),
      refused: (error) => this.lost(error),
    });
  }

  close() {
    this.#stream.close();
    cancelAnimationFrame(this.#frame);
  }

  #take(event: AnswerEvent) {
    switch (event.type) {
      case "snapshot":
        this.#text = this.#reasoning = "";
        Object.assign(this.message, event.data.message);
        break;
      case "progress":
        this.progress = event.data;
        break;
      case "state":
        this.state = event.data.state;
        break;
      case "reasoning":
        this.#thinkingSince ||= performance.now();
        this.#reasoning += event.data.text;
        this.#schedule();
        break;
      case "text":
        this.#text += event.data.text;
        this.#schedule();
        break;
      case "tool": {
        const { index, id, name, arguments: part } = event.data;
        const calls = this.message.tool_calls;
        const call = calls[index];
        if (!call) calls[index] = { id, name, arguments: part };
        else call.arguments += part;
        break;
      }
      case "end":
        this.close();
        this.ended(event.data.message);
        break;
    }
  }

  #schedule() {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.#reasoning) this.message.reasoning += this.#reasoning;
      if (this.#text) {
        if (this.#thinkingSince) {
          this.message.reasoning_ms ??= Math.round(performance.now() - this.#thinkingSince);
          this.#thinkingSince = 0;
        }
        this.message.content += this.#text;
      }
      this.#text = this.#reasoning = "";
    });
  }
}
