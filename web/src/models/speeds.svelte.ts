// How fast models write: measured by the requests that the server remembers, else as /page/fit expects it.
import { server } from "../api/client";
import type { RequestRecord } from "../api/types";
import { machine } from "./fit.svelte";

export interface Speed {
  tokensPerSecond: number;
  measured: boolean;
}

const fewestTokens = 16; // shorter answers measure nothing

class Speeds {
  #measured = $state.raw<ReadonlyMap<string, number>>(new Map());

  async refresh() {
    void machine.want();
    try {
      this.learn((await server.status()).requests);
    } catch {
      // Speeds are an extra: without them lists say less.
    }
  }

  learn(requests: readonly RequestRecord[]) {
    const sums = new Map<string, { tokens: number; ms: number }>();
    for (const { model, completion_tokens: tokens, decode_ms: ms } of requests) {
      if (tokens < fewestTokens || ms <= 0) continue;
      const sum = sums.get(model) ?? { tokens: 0, ms: 0 };
      sums.set(model, { tokens: sum.tokens + tokens, ms: sum.ms + ms });
    }
    const measured = new Map(this.#measured);
    for (const [model, { tokens, ms }] of sums) measured.set(model, (tokens / ms) * 1000);
    this.#measured = measured;
  }

  of(name: string): Speed | null {
    const measured = this.#measured.get(name);
    if (measured !== undefined) return { tokensPerSecond: measured, measured: true };
    const expected = machine.find(name)?.decode_tps;
    return expected ? { tokensPerSecond: expected, measured: false } : null;
  }
}

export const speeds = new Speeds();
