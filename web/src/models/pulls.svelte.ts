// Pulls under way: they belong to the page, not to a view, and go on while one looks at others. A reload ends them; what
// has come stays on the server's disk, so they are listed as interrupted and can go on.
import { explain, request } from "../api/client";
import { models } from "./models.svelte";
import { pullName, sameModel } from "./model_name";
import { PullProgress, readLines, type PullFigures } from "./pull_progress";

export type PullState = "running" | "done" | "failed" | "cancelled" | "interrupted";

const storageKey = "hearth.pulls";
const figuresEveryMs = 250;

export class Pull {
  state = $state<PullState>("running");
  error = $state("");
  figures = $state.raw<PullFigures>(new PullProgress().figures(0));
  #abort = new AbortController();

  constructor(readonly name: string) {}

  async run() {
    this.state = "running";
    this.error = "";
    this.#abort = new AbortController();
    const progress = new PullProgress();
    const show = () => (this.figures = progress.figures(performance.now()));
    show();
    const timer = setInterval(show, figuresEveryMs);
    try {
      const response = await request("/api/pull", {
        method: "POST",
        json: { model: this.name },
        signal: this.#abort.signal,
      });
      let failure = "";
      await readLines(response.body!, (line) => {
        progress.add(line, performance.now());
        if (line.error) failure = line.error;
      });
      show();
      if (failure) this.#end("failed", failure);
      else if (this.figures.phase === "done") this.#end("done");
      else this.#end("interrupted");
    } catch (error) {
      if (this.#abort.signal.aborted) this.#end("cancelled");
      else this.#end("failed", explain(error));
    } finally {
      clearInterval(timer);
    }
  }

  cancel() {
    this.#abort.abort();
  }

  #end(state: PullState, error = "") {
    this.state = state;
    this.error = error;
  }
}

class Pulls {
  list = $state.raw<Pull[]>([]);
  readonly running = $derived(this.list.filter((pull) => pull.state === "running"));

  constructor() {
    // Pulls that a reload of the page ended.
    try {
      const names = JSON.parse(sessionStorage.getItem(storageKey) ?? "[]") as string[];
      this.list = names.map((name) => {
        const pull = new Pull(name);
        pull.state = "interrupted";
        return pull;
      });
    } catch {
      // Storage is closed or holds something else: nothing to restore.
    }
  }

  // A pull of the name that is listed goes on (again); otherwise it is listed first. Null where the text is empty.
  start(text: string): Pull | null {
    const name = pullName(text);
    if (!name) return null;
    let pull = this.find(name);
    if (pull?.state === "running") return pull;
    if (!pull) {
      pull = new Pull(name);
      this.list = [pull, ...this.list];
    }
    void this.#follow(pull);
    return pull;
  }

  find(name: string): Pull | undefined {
    return this.list.find((pull) => sameModel(pull.name, name));
  }

  dismiss(pull: Pull) {
    pull.cancel();
    this.list = this.list.filter((other) => other !== pull);
    this.#remember();
  }

  async #follow(pull: Pull) {
    const run = pull.run();
    this.#remember();
    await run;
    this.#remember();
    if (pull.state === "done") await models.refresh();
  }

  #remember() {
    const names = this.list.filter((pull) => pull.state !== "done").map((pull) => pull.name);
    try {
      sessionStorage.setItem(storageKey, JSON.stringify(names));
    } catch {
      // Without storage a reload forgets them.
    }
  }
}

export const pulls = new Pulls();
