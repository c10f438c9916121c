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

Object.assign(window, {
  mountAnswer(): Mounted {
    const element = document.createElement("div");
    document.getElementById("answers")!.append(element);
    return { element, view: mountAnswer(element, { words }) };
  },
});
