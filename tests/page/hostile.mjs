// Text that a model may be made to write against its reader, drawn piece by piece under the server's content policy:
// nothing runs, nothing is asked for, no markup is there but the renderer's own.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { hostile, openAnswerPage } from "./answer_page.mjs";

const { page, address, close } = await openAnswerPage();
after(close);

const requests = [];
let armed = false;
page.on("request", (request) => armed && requests.push(request.url()));
page.on("popup", () => requests.push("a window"));
page.on("dialog", (dialog) => {
  requests.push("a dialog");
  void dialog.dismiss();
});
page.on("framenavigated", (frame) => armed && requests.push(`navigation to ${frame.url()}`));

// What the renderer loads by itself with the first formula and the first code block.
await page.evaluate(async () => {
  const answer = mountAnswer();
  await writeAnswer(answer, "$x$ $\\mathbb{R}\\mathcal{C}\\int$\n\n```js\n1\n```\n", [400]);
  while (!document.querySelector(".hl-number")) await new Promise((done) => setTimeout(done, 20));
  await document.fonts.ready;
  answer.view.destroy();
  answer.element.remove();
});
armed = true;

// Elements and attributes that must not be there, whoever made them.
const faults = () => window.drawn.flatMap(({ element }) => {
  const found = [];
  const tags = (
    "A B BR BLOCKQUOTE BUTTON CODE DEL DIV EM FIGCAPTION FIGURE H3 H4 H5 H6 HR I IMG INS KBD LI MARK OL P PRE S " +
    "SMALL SPAN STRONG SUB SUP TABLE TBODY TD TH THEAD TR U UL"
  ).split(" ");
  for (const node of element.querySelectorAll("*")) {
    const inFormula = node.closest(".katex");
    if (!inFormula && !tags.includes(node.tagName)) found.push(`<${node.localName}>`);
    if (inFormula && ["a", "img", "script", "iframe", "foreignObject", "maction"].includes(node.localName))
      found.push(`<${node.localName}> in a formula`);
    for (const { name, value } of node.attributes) {
      const never = /^on|^(?:id|name|style|srcset|srcdoc|action|formaction|xlink:href)$/;
      if (never.test(name) && !(inFormula && name === "style"))
        found.push(`${name}="${value}"`);
      if (name === "src" && !/^data:image\/(?:png|jpeg|gif|webp);base64,/.test(value)) found.push(`src="${value}"`);
      if (name === "href" && !/^(?:https?:\/\/|mailto:)/.test(value)) found.push(`href="${value}"`);
    }
    if (node.tagName === "A") {
      if (node.target !== "_blank" || !/noopener/.test(node.rel)) found.push("a link that keeps its opener");
    }
  }
  const box = element.getBoundingClientRect();
  const position = getComputedStyle(element).position;
  if (box.left < 0 || position !== "static") found.push("an answer out of its place");
  if (window.pwned !== undefined || parent.pwned !== undefined) found.push("executed");
  if (/[\u202A-\u202E\u2066-\u2069]/.test(element.textContent)) found.push("a character that reorders text");
  return found;
});

// Draws texts side by side, each in its own answer and in pieces of these lengths, and returns what is wrong.
async function draw(texts, pieces) {
  await page.evaluate(
    async ([texts, pieces]) => {
      window.drawn = texts.map(() => mountAnswer());
      await Promise.all(drawn.map((answer, i) => writeAnswer(answer, texts[i], pieces)));
    },
    [texts, pieces],
  );
  const found = await page.evaluate(faults);
  await page.evaluate(() => {
    for (const { view, element } of drawn) {
      view.destroy();
      element.remove();
    }
  });
  const all = [...found, ...requests.splice(0)];
  if (page.url() !== address) all.push(`the page went to ${page.url()}`);
  return all;
}

const short = hostile.filter(({ text }) => text.length <= 300);
// The first part of those that repeat one thing without end says as much.
const long = hostile
  .filter(({ text }) => text.length > 300)
  .map(({ name, text }) => ({ name, text: text.slice(0, name.includes("megabyte") ? 60_000 : 6_000) }));

for (const pieces of [[1], [5, 3, 11], [64]])
  test(`${short.length} short texts in pieces of ${pieces} characters`, { timeout: 120_000 }, async () => {
    const texts = short.map(({ text }) => text);
    if ((await draw(texts, pieces)).length === 0) return;
    for (const { name, text } of short) assert.deepEqual(await draw([text], pieces), [], name);
    assert.fail("only together");
  });

for (const { name, text } of long)
  test(`${name} (${text.length} characters)`, { timeout: 120_000 }, async () => {
    for (const pieces of text.length < 10_000 ? [[331], [1500]] : [[20_000]])
      assert.deepEqual(await draw([text], pieces), []);
  });
