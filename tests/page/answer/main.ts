// A page with nothing but answers, for tests that feed the renderer directly.
import "../../../web/src/styles/tokens.css";
import "../../../web/src/styles/base.css";
import { mountAnswer, type AnswerView } from "../../../web/src/markdown/answer";

const words = {
  copy: "Copy",
  copied: "Copied",
  copyFailed: "Not copied",
  wrapLines: "Wrap lines",
  codeIn: (language: string) => (language ? `Code, ${language}` : "Code"),
  table: "Table",
  image: "Image",
  done: "Done",
  toDo: "To do",
};

interface Mounted {
  element: HTMLElement;
  view: AnswerView;
}

function mount(): Mounted {
  const element = document.createElement("div");
  document.getElementById("answers")!.append(element);
  return { element, view: mountAnswer(element, { words }) };
}

const frame = () => new Promise((done) => requestAnimationFrame(done));

// Resolves when all of an answer is drawn.
async function drawn({ element }: Mounted) {
  do await frame();
  while (element.hasAttribute("aria-busy"));
}

// Writes an answer in pieces, one a frame, and resolves when all of it is drawn.
async function write(mounted: Mounted, text: string, lengths: readonly number[]) {
  for (let at = 0, i = 0; at < text.length; ++i) {
    at += lengths[i % lengths.length];
    mounted.view.update(text.slice(0, at), { done: false });
    await frame();
  }
  mounted.view.update(text, { done: true });
  await drawn(mounted);
}

Object.assign(window, { mountAnswer: mount, writeAnswer: write, answerDrawn: drawn });
