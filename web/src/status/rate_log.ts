// Rates from counters that are read once a second: the last minutes, for figures and charts.

export interface Counters {
  at: number; // milliseconds
  read: number; // tokens since the server's start
  written: number;
  queue: number;
  running: number;
  share: number | null; // of the memory's bandwidth, 0 to 1
}

export interface Rate {
  at: number; // seconds
  read: number | null; // tokens per second; null where the counters do not join
  written: number | null;
  queue: number;
  running: number;
  share: number | null;
}

const longestGapMs = 5000;
const shortestGapMs = 250; // nearer readings say nothing of a rate

export class RateLog {
  #last: Counters | null = null;
  readonly points: Rate[] = [];

  constructor(readonly seconds: number) {}

  // Counters that fell tell of a new start of the server, a gap that nobody looked: both break the line.
  add(now: Counters) {
    const last = this.#last;
    const gap = last ? now.at - last.at : Infinity;
    if (gap >= 0 && gap < shortestGapMs) return;
    this.#last = now;
    const joined =
      last && gap > 0 && gap < longestGapMs && now.read >= last.read && now.written >= last.written;
    this.points.push({
      at: now.at / 1000,
      read: joined ? ((now.read - last.read) / gap) * 1000 : null,
      written: joined ? ((now.written - last.written) / gap) * 1000 : null,
      queue: now.queue,
      running: now.running,
      share: now.share,
    });
    while (this.points[0].at < now.at / 1000 - this.seconds) this.points.shift();
  }

  // The mean over the last seconds; null where there is none.
  mean(which: "read" | "written", seconds: number): number | null {
    const newest = this.points.at(-1)?.at ?? 0;
    const values = this.points.flatMap((point) => (point.at > newest - seconds ? (point[which] ?? []) : []));
    return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
  }
}
