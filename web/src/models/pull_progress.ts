// The lines of /api/pull, added up: bytes over all blobs, speed, time left. Without DOM or clock.

export interface PullLine {
  status?: string;
  digest?: string;
  total?: number;
  completed?: number;
  error?: string;
}

export type PullPhase = "starting" | "fetching" | "checking" | "done";

export interface PullFigures {
  phase: PullPhase;
  totalBytes: number; // of the blobs begun so far
  doneBytes: number;
  bytesPerSecond: number | null; // null until it can be told
  secondsLeft: number | null;
}

const windowMs = 8000; // speed is that of the last seconds

export class PullProgress {
  #blobs = new Map<string, { total: number; done: number }>();
  #samples: { at: number; bytes: number }[] = [];
  #phase: PullPhase = "starting";

  // now: milliseconds of a clock that never goes back.
  add(line: PullLine, now: number) {
    if (line.digest !== undefined && line.total !== undefined) {
      this.#phase = "fetching";
      // What lay on disk already when a blob began is no speed.
      if (!this.#blobs.has(line.digest)) this.#samples = [];
      this.#blobs.set(line.digest, { total: line.total, done: line.completed ?? 0 });
      this.#samples.push({ at: now, bytes: this.#sum("done") });
      // One sample older than the window stays as its edge.
      while (this.#samples.length > 2 && this.#samples[1].at < now - windowMs) this.#samples.shift();
    } else if (line.status === "success") {
      this.#phase = "done";
    } else if (line.status !== undefined && /^(verifying|writing)/.test(line.status)) {
      this.#phase = "checking";
    }
  }

  figures(now: number): PullFigures {
    const totalBytes = this.#sum("total");
    const doneBytes = this.#sum("done");
    const bytesPerSecond = this.#phase === "fetching" ? this.#speed(now) : null;
    const secondsLeft = bytesPerSecond ? (totalBytes - doneBytes) / bytesPerSecond : null;
    return { phase: this.#phase, totalBytes, doneBytes, bytesPerSecond, secondsLeft };
  }

  #sum(which: "total" | "done"): number {
    let bytes = 0;
    for (const blob of this.#blobs.values()) bytes += blob[which];
    return bytes;
  }

  // Time without a line counts: a pull that hangs slows down to nothing.
  #speed(now: number): number | null {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || last.at - first.at < 500) return null;
    return ((last.bytes - first.bytes) / (Math.max(now, last.at) - first.at)) * 1000;
  }
}

// Calls `each` with every line of the body, and ends with it. Throws what the stream throws, and SyntaxError.
export async function readLines(
  body: ReadableStream<Uint8Array>,
  each: (line: PullLine) => void,
): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (rest + decoder.decode(value, { stream: !done })).split("\n");
    rest = done ? "" : (lines.pop() ?? "");
    for (const line of lines) if (line.trim()) each(JSON.parse(line) as PullLine);
    if (done) return;
  }
}
