// The server's state, asked for once a second while the status page is looked at. What was seen stays, so that the
// charts go on where they were when one comes back.
import { explain, server } from "../api/client";
import type { ServerStatus } from "../api/types";
import { speeds } from "../models/speeds.svelte";
import { RateLog } from "./rate_log";
import { whileVisible } from "./while_visible";

export const keptSeconds = 300;
const everyMs = 1000;

class StatusWatch {
  now = $state.raw<ServerStatus | null>(null);
  error = $state<string | null>(null);
  // Rises with every reply: what draws from `log` follows it.
  turn = $state(0);
  readonly log = new RateLog(keptSeconds);

  // Gives what ends it.
  watch(): () => void {
    return whileVisible(everyMs, async () => {
      try {
        const status = await server.status();
        this.log.add({
          at: Date.now(),
          read: status.tokens.read,
          written: status.tokens.written,
          queue: status.queue,
          running: status.running,
          share: status.bandwidth.share,
        });
        speeds.learn(status.requests);
        this.now = status;
        this.error = null;
        ++this.turn;
      } catch (error) {
        this.error = explain(error);
      }
    });
  }
}

export const statusWatch = new StatusWatch();
