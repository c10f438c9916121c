// Formulas, set by KaTeX, which is loaded with the first one. KaTeX builds nodes and sets their styles through the
// object model, which a content policy without 'unsafe-inline' allows; its MathML is what screen readers read.
import type { Formula } from "./formulas";

type Katex = (typeof import("katex"))["default"];

let katex: Katex | null = null;
let loading: Promise<void> | null = null;
let failed = false;
const maxTex = 4000;

// A placeholder of fixed height until the formula is set.
export function formulaElement(formula: Formula): HTMLElement {
  const element = document.createElement("span");
  element.className = formula.display ? "formula display" : "formula";
  element.dataset.tex = formula.tex;
  element.dataset.display = String(formula.display);
  element.dataset.source = formula.source;
  return element;
}

export const canTypeset = () => katex !== null || failed;

// Calls `ready` when formulas can be set.
export function loadTypesetter(ready: () => void) {
  loading ??= load();
  void loading.then(ready);
}

const nextTask = () => new Promise((next) => setTimeout(next, 0));

async function load() {
  try {
    const [module] = await Promise.all([import("katex"), import("katex/dist/katex.min.css")]);
    // The first formula is the slowest by far, as nothing of KaTeX is compiled yet: it gets a task of its own.
    await nextTask();
    module.default.renderToString("\\frac{x_1^2}{y}");
    await nextTask();
    katex = module.default;
  } catch {
    failed = true;
  }
}

// Sets the formula of an element of formulaElement(). A formula that can't be read is shown as it was written.
export function typeset(element: HTMLElement) {
  const { tex = "", display, source = "" } = element.dataset;
  element.dataset.set = "";
  if (katex && tex.length <= maxTex) {
    try {
      katex.render(tex, element, {
        displayMode: display === "true",
        throwOnError: true,
        strict: "ignore",
        trust: false,
        maxSize: 20,
        maxExpand: 1000,
      });
      return;
    } catch {
      // Falls through to the source.
    }
  }
  element.classList.add("unset");
  element.textContent = source;
}
