// The seam between the page and the renderer of answers, which knows no framework.

export interface AnswerOptions {
  // Words of the renderer's own controls, in the page's language.
  words: { copy: string; copied: string };
}

export interface AnswerView {
  // The whole text so far; the view shows what changed. done: nothing follows.
  update(text: string, state: { done: boolean }): void;
  destroy(): void;
}

export function mountAnswer(element: HTMLElement, _options: AnswerOptions): AnswerView {
  element.style.whiteSpace = "pre-wrap";
  return {
    update(text) {
      element.textContent = text;
    },
    destroy() {
      element.textContent = "";
    },
  };
}
