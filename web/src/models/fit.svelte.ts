// Which known models suit this machine: measured once by the server, asked for once by the page.
import { explain, server } from "../api/client";
import type { Fit, FitModel } from "../api/types";
import { sameModel } from "./model_name";

const askAgainMs = 1500; // while the server measures

class MachineFit {
  fit = $state.raw<Fit | null>(null);
  measuring = $state(false);
  error = $state<string | null>(null);
  #asked: Promise<void> | null = null;

  // Asks where nobody has; a failure may be asked again.
  want(): Promise<void> {
    this.#asked ??= this.#ask();
    return this.#asked;
  }

  async #ask() {
    this.error = null;
    try {
      for (;;) {
        const reply = await server.fit();
        this.fit = reply;
        this.measuring = reply === null;
        if (reply) return;
        await new Promise((resolve) => setTimeout(resolve, askAgainMs));
      }
    } catch (error) {
      this.error = explain(error);
      this.measuring = false;
      this.#asked = null;
    }
  }

  find(name: string): FitModel | undefined {
    return this.fit?.models.find((model) => sameModel(model.pull, name) || model.name === name);
  }

  // The one that the server thinks best for chats, where it fits at all.
  readonly best = $derived.by(() => {
    const best = this.fit?.best.chat;
    return this.fit?.models.find((model) => model.name === best && model.verdict !== "no") ?? null;
  });
}

export const machine = new MachineFit();
