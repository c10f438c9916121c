// Calls `act` at once and then every so often while the page is looked at; at once again when it is looked at again.
// Gives what ends it. Calls never overlap: the pause counts from the end of the one before.
export function whileVisible(everyMs: number, act: () => Promise<void>): () => void {
  let ended = false;
  let running = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function turn() {
    if (ended || running || document.hidden) return;
    running = true;
    const began = performance.now();
    try {
      await act();
    } finally {
      running = false;
      if (!ended) timer = setTimeout(() => void turn(), Math.max(0, everyMs - (performance.now() - began)));
    }
  }

  function changed() {
    clearTimeout(timer);
    void turn();
  }

  document.addEventListener("visibilitychange", changed);
  void turn();
  return () => {
    ended = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", changed);
  };
}
