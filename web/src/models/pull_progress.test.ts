import { expect, test } from "vitest";
import { PullProgress, readLines, type PullLine } from "./pull_progress";

const blob = (digest: string, total: number, completed: number): PullLine => ({
  status: `pulling ${digest}`,
  digest,
  total,
  completed,
});

test("bytes count over all blobs, speed over the last seconds", () => {
  const progress = new PullProgress();
  progress.add({ status: "pulling manifest" }, 0);
  expect(progress.figures(0)).toMatchObject({ phase: "starting", bytesPerSecond: null, secondsLeft: null });
  progress.add(blob("a", 10_000, 2000), 0); // 2000 lay on disk already
  progress.add(blob("a", 10_000, 3000), 1000);
  expect(progress.figures(1000)).toEqual({
    phase: "fetching",
    totalBytes: 10_000,
    doneBytes: 3000,
    bytesPerSecond: 1000,
    secondsLeft: 7,
  });
  progress.add(blob("a", 10_000, 10_000), 4000);
  progress.add(blob("b", 500, 0), 4100);
  expect(progress.figures(4100)).toMatchObject({
    totalBytes: 10_500,
    doneBytes: 10_000,
    bytesPerSecond: null,
  });
});

test("an old burst and a pause both leave the speed", () => {
  const progress = new PullProgress();
  progress.add(blob("a", 1e6, 0), 0);
  progress.add(blob("a", 1e6, 500_000), 1000);
  for (let second = 2; second <= 20; ++second)
    progress.add(blob("a", 1e6, 500_000 + second * 10), second * 1000);
  expect(progress.figures(20_000).bytesPerSecond).toBeCloseTo(10);
  expect(progress.figures(200_000).bytesPerSecond).toBeLessThan(1);
});

test("the end is checked, then done", () => {
  const progress = new PullProgress();
  progress.add(blob("a", 10, 10), 0);
  progress.add({ status: "verifying sha256 digest" }, 1);
  expect(progress.figures(1)).toMatchObject({ phase: "checking", bytesPerSecond: null });
  progress.add({ status: "writing manifest" }, 2);
  progress.add({ status: "success" }, 3);
  expect(progress.figures(3).phase).toBe("done");
});

test("lines are the same however the stream is cut", async () => {
  const bytes = new TextEncoder().encode('{"status":"pulling manifest"}\n{"error":"kein Plätz"}');
  for (let cut = 0; cut <= bytes.length; ++cut) {
    const lines: PullLine[] = [];
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(bytes.slice(0, cut));
        controller.enqueue(bytes.slice(cut));
        controller.close();
      },
    });
    await readLines(body, (line) => lines.push(line));
    expect(lines).toEqual([{ status: "pulling manifest" }, { error: "kein Plätz" }]);
  }
});
