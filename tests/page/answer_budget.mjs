// What a stream of text costs the page: an answer at 200 tokens/s on a processor slowed down to a quarter.
import { answers } from "./answer_page.mjs";

const tokensPerSecond = 200;
const charactersPerToken = 4;

// Answers one after the other, but for those that leave something open and would swallow the rest.
export function longAnswer(characters) {
  const whole = answers.filter((text) => !/unclosed/.test(text));
  let text = "";
  for (let i = 0; text.length < characters; ++i) text += `${whole[i % whole.length]}\n\n`;
  return text.slice(0, characters);
}

async function heapMiB(session) {
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  return Math.round((usedSize / 2 ** 20) * 10) / 10;
}

// Cumulative layout shift as browsers report it: the largest sum within a burst, of 5 s at most, without a pause of 1 s.
function cumulativeShift(jumps) {
  let [most, sum, begun, last] = [0, 0, -Infinity, -Infinity];
  for (const [at, value] of jumps) {
    if (at - last > 1000 || at - begun > 5000) [sum, begun] = [0, at];
    sum += value;
    last = at;
    most = Math.max(most, sum);
  }
  return Math.round(most * 10_000) / 10_000;
}

// Writes for `seconds`, following the end, and measures. Times in ms, memory in MiB after a collection of garbage.
export async function measureStreaming(page, seconds, slowdown = 4) {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.enable");
  const text = longAnswer(seconds * tokensPerSecond * charactersPerToken);
  await page.evaluate(() => {
    const watched = (window.watched = { begun: performance.now(), tasks: [], jumps: [], shifts: [], frames: [] });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) watched.tasks.push({ at: Math.round(entry.startTime - watched.begun), ms: Math.round(entry.duration) });
    }).observe({ type: "longtask" });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        watched.jumps.push([entry.startTime, entry.value]);
        for (const { node } of entry.sources)
          watched.shifts.push(`${entry.value.toFixed(4)} ${node?.parentElement?.localName} > ${node?.nodeName} ${node?.textContent?.slice(0, 30)}`);
      }
    }).observe({ type: "layout-shift" });
    let last = performance.now();
    const frame = () => {
      const now = performance.now();
      watched.frames.push(now - last);
      last = now;
      if (!watched.over) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  // What the page prepares while it has nothing to do.
  await new Promise((next) => setTimeout(next, 1500));
  const heap = [await heapMiB(session)];
  await session.send("Emulation.setCPUThrottlingRate", { rate: slowdown });
  await page.evaluate(() => (watched.begun = performance.now()));
  const parts = 3;
  for (let part = 0; part < parts; ++part) {
    await page.evaluate(
      async ([text, from, to, last, rate]) => {
        window.streamed ??= mountAnswer();
        const begun = performance.now();
        for (;;) {
          const length = Math.min(to, from + Math.floor(((performance.now() - begun) / 1000) * rate));
          const done = last && length === to;
          streamed.view.update(text.slice(0, length), { done });
          scrollTo(0, document.documentElement.scrollHeight);
          if (length === to) break;
          await new Promise((next) => setTimeout(next, 30));
        }
        await new Promise((next) => setTimeout(next, 200));
      },
      [
        text,
        Math.floor((text.length * part) / parts),
        Math.floor((text.length * (part + 1)) / parts),
        part === parts - 1,
        tokensPerSecond * charactersPerToken,
      ],
    );
    // The collection itself is no task of the page.
    const before = await page.evaluate(() => watched.tasks.length);
    heap.push(await heapMiB(session));
    await page.evaluate(async (before) => {
      await new Promise((next) => setTimeout(next, 100));
      watched.tasks.length = Math.min(watched.tasks.length, before);
    }, before);
  }
  const result = await page.evaluate(async () => {
    await answerDrawn(streamed);
    watched.over = true;
    const frames = watched.frames.sort((a, b) => a - b);
    return {
      tasks: watched.tasks,
      jumps: watched.jumps,
      shifts: watched.shifts,
      frameMedian: Math.round(frames[Math.floor(frames.length / 2)]),
      frame99: Math.round(frames[Math.floor(frames.length * 0.99)]),
      elements: streamed.element.querySelectorAll("*").length,
      blocks: streamed.element.querySelectorAll(".part > *").length,
    };
  });
  const { jumps, ...rest } = result;
  await page.evaluate(() => {
    streamed.view.destroy();
    streamed.element.remove();
    delete window.streamed;
  });
  await session.send("Emulation.setCPUThrottlingRate", { rate: 1 });
  await new Promise((next) => setTimeout(next, 500));
  heap.push(await heapMiB(session));
  await session.detach();
  return { seconds, characters: text.length, shift: cumulativeShift(jumps), ...rest, heap };
}
