// Work in small portions before the browser paints: all answers of the page share a few milliseconds a frame.

// Works until `deadline` (as performance.now()); says whether there is more to do.
export type Work = (deadline: number) => boolean;

const budgetMs = 4;
const waiting = new Set<Work>();
let requested = false;

export function nextFrame(work: Work) {
  waiting.add(work);
  request();
}

export function forget(work: Work) {
  waiting.delete(work);
}

function request() {
  if (requested || waiting.size === 0) return;
  requested = true;
  requestAnimationFrame(() => {
    requested = false;
    const deadline = performance.now() + budgetMs;
    for (const work of [...waiting]) {
      // Whoever had no turn is first in the next frame.
      if (performance.now() >= deadline) break;
      waiting.delete(work);
      if (work(deadline)) waiting.add(work);
    }
    request();
  });
}
