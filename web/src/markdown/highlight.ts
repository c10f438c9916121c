// Asks the highlighter, a worker that is started with the first code block.
import { highlighterAddress } from "../trusted_types";
import type { Colours } from "./colours";

export type { Colours };

interface Job {
  id: number;
  code: string;
  grammar: string;
  done: (colours: Colours) => void;
}

const maxCode = 200_000;
// A grammar that takes longer than this on a text is given up: the code stays plain.
const limitMs = 3000;

let worker: Worker | null = null;
let lastId = 0;
// The first one is with the worker.
let jobs: Job[] = [];
let timer: ReturnType<typeof setTimeout> | undefined;

// Calls `done` with the colours of `code`, later; never if there are none. Returns what cancels it.
export function highlight(code: string, grammar: string, done: (colours: Colours) => void): () => void {
  if (code.length > maxCode || typeof Worker === "undefined") return () => {};
  const job = { id: ++lastId, code, grammar, done };
  jobs.push(job);
  if (jobs.length === 1) send();
  return () => (job.done = () => {});
}

function send() {
  const job = jobs[0];
  if (!job) return;
  worker ??= start();
  worker.postMessage({ id: job.id, code: job.code, grammar: job.grammar });
  timer = setTimeout(giveUp, limitMs);
}

function start(): Worker {
  const started = new Worker(highlighterAddress(), { type: "module" });
  started.addEventListener("message", ({ data }: MessageEvent<{ id: number; colours: Colours }>) => {
    const job = jobs[0];
    if (job?.id !== data.id) return;
    finish();
    job.done(data.colours);
  });
  started.addEventListener("error", giveUp);
  return started;
}

function finish() {
  clearTimeout(timer);
  jobs = jobs.slice(1);
  send();
}

function giveUp() {
  worker?.terminate();
  worker = null;
  finish();
}
