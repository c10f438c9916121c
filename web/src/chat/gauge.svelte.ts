// How much of the model's context the next prompt would take, asked of the server a moment after the last change.
import { ApiError, server } from "../api/client";
import type { TokenCount } from "../api/types";
import type { Conversation, Outgoing } from "./conversation.svelte";

const pauseMs = 400;

export class Gauge {
  count = $state.raw<TokenCount | null>(null);
  #timer = 0;
  #abort: AbortController | null = null;

  readonly share = $derived(this.count ? this.count.prompt_tokens / Math.max(1, this.count.context_length) : 0);
  readonly full = $derived(this.count !== null && this.count.prompt_tokens >= this.count.context_length);

  // Call it in an effect: it reads what the count depends on.
  watch(conversation: Conversation, outgoing: Outgoing) {
    const wish = {
      chat: conversation.id,
      parent: conversation.leaf,
      content: outgoing.content,
      attachments: outgoing.attachments,
      model: conversation.effectiveModel,
      settings: $state.snapshot(conversation.settings),
    };
    clearTimeout(this.#timer);
    // An answer that is written changes the count with each word; it is asked for when it is done.
    if (conversation.running || conversation.pending || wish.model === null) return;
    this.#timer = window.setTimeout(() => void this.#ask(wish), pauseMs);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#abort?.abort();
  }

  async #ask(wish: Parameters<typeof server.count>[0]) {
    this.#abort?.abort();
    const abort = (this.#abort = new AbortController());
    try {
      this.count = await server.count(wish, abort.signal);
    } catch (error) {
      // Without a count there is no gauge; sending says what is wrong.
      if (!abort.signal.aborted && error instanceof ApiError) this.count = null;
    }
  }
}
