// Answers as they are written, in a browser: what is drawn does not depend on the pieces, selections stay, nothing above
// the end moves, and no frame costs more because of what came before.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { answers, openAnswerPage } from "./answer_page.mjs";
import { measureStreaming } from "./answer_budget.mjs";

// ms. The aim is 50; a machine that shares its cores with other tests is not held to it.
const longestTask = 250;

const { page, close } = await openAnswerPage({ permissions: ["clipboard-read", "clipboard-write"] });
after(close);

const clear = () =>
  page.evaluate(() => {
    for (const { view, element } of window.drawn ?? []) {
      view.destroy();
      element.remove();
    }
    window.drawn = [];
  });

test("pieces of any size end in the document that the whole gives", { timeout: 300_000 }, async () => {
  for (const pieces of [[3], [1, 40, 7, 120]]) {
    const different = await page.evaluate(
      async ([texts, pieces]) => {
        const whole = texts.map(() => mountAnswer());
        await Promise.all(whole.map((answer, i) => writeAnswer(answer, texts[i], [1_000_000])));
        const parts = texts.map(() => mountAnswer());
        await Promise.all(parts.map((answer, i) => writeAnswer(answer, texts[i], pieces)));
        window.drawn = [...whole, ...parts];
        // Colours come when they are ready.
        const html = ({ element }) => {
          const copy = document.createElement("div");
          copy.append(...[...element.childNodes].map((node) => node.cloneNode(true)));
          for (const piece of copy.querySelectorAll("pre code > span")) piece.textContent = piece.textContent;
          for (const part of copy.querySelectorAll("[data-full]")) part.removeAttribute("data-full");
          return copy.innerHTML;
        };
        return texts.flatMap((_, i) => (html(whole[i]) === html(parts[i]) ? [] : [[html(whole[i]), html(parts[i])]]));
      },
      [answers, pieces],
    );
    for (const [whole, parts] of different) assert.equal(parts, whole);
    await clear();
  }
});

test("a selection stays while the answer grows and its code is coloured", async () => {
  const selected = await page.evaluate(async () => {
    const answer = mountAnswer();
    window.drawn = [answer];
    const text = "First **words** and more\n\n```js\nconst a = 1;\nconst b = 2;\n";
    answer.view.update(text, { done: false });
    await new Promise((next) => setTimeout(next, 100));
    const [start] = answer.element.querySelectorAll("p strong");
    const end = answer.element.querySelector("code span").firstChild;
    getSelection().setBaseAndExtent(start.firstChild, 1, end, 7);
    const before = getSelection().toString();
    answer.view.update(`${text}const c = 3;\n\`\`\`\n\nAnd *so* on`, { done: false });
    while (!answer.element.querySelector(".hl-keyword")) await new Promise((next) => setTimeout(next, 20));
    answer.view.update(`${text}const c = 3;\n\`\`\`\n\nAnd *so* on.\n\n- x\n`, { done: true });
    await answerDrawn(answer);
    return [before, getSelection().toString()];
  });
  assert.match(selected[0], /^ords and more/);
  assert.equal(selected[1], selected[0]);
  await clear();
});

test("code is copied as it was written, and formulas of a selection too", async () => {
  await page.evaluate(async () => {
    const answer = mountAnswer();
    window.drawn = [answer];
    await writeAnswer(answer, "Let $x^2$ be **it**.\n\n```js\nif (a < b) {\n\tgo();\n}\n```\n", [1000]);
    answer.element.querySelector(".code-copy").focus();
  });
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Copied" }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "if (a < b) {\n\tgo();\n}");
  await page.evaluate(() => getSelection().selectAllChildren(drawn[0].element.querySelector("p")));
  await page.keyboard.press("Control+C");
  const [text, html] = await page.evaluate(async () => {
    const [item] = await navigator.clipboard.read();
    const read = async (type) => (await item.getType(type)).text();
    return [await read("text/plain"), await read("text/html")];
  });
  assert.equal(text, "Let $x^2$ be it.");
  assert.match(html, /Let \$x\^2\$ be <strong>it<\/strong>\./);
  await clear();
});

test("code and tables can be scrolled with the keyboard, and long lines wrapped", async () => {
  await page.evaluate(async () => {
    const answer = mountAnswer();
    window.drawn = [answer];
    await writeAnswer(answer, "```python\nx = 1 # " + "long ".repeat(100) + "\n```\n", [1000]);
  });
  const code = page.getByRole("region", { name: "Code, Python" });
  await code.focus();
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => document.querySelector("pre").scrollLeft > 0);
  await page.getByRole("button", { name: "Wrap lines" }).click();
  assert.ok(await code.evaluate((element) => element.scrollWidth <= element.clientWidth));
  await clear();
});

test("an unfinished link, formula or row is held back, and shown when it goes on for long", async () => {
  const shown = (text) =>
    page.evaluate(async (text) => {
      const answer = mountAnswer();
      window.drawn = [answer];
      answer.view.update(text, { done: false });
      const soon = await new Promise((next) => setTimeout(() => next(answer.element.innerText), 100));
      const late = await new Promise((next) => setTimeout(() => next(answer.element.innerText), 500));
      return [soon, late].map((words) => words.trim());
    }, text);
  assert.deepEqual(await shown("See [the manual](https://exam"), ["See", "See the manual"]);
  await clear();
  assert.deepEqual(await shown("So $E = mc"), ["So", "So"]);
  await clear();
  assert.deepEqual(await shown("| a | b"), ["", "| a | b"]);
  await clear();
  assert.deepEqual(await shown("Text\n--"), ["Text", "Text"]);
  await clear();
});

test("ten seconds at 200 tokens/s on a slow processor", { timeout: 300_000 }, async () => {
  // The machine may have other work: one undisturbed time in three says what the page needs.
  let best = null;
  for (let time = 0; time < 3; ++time) {
    const measured = await measureStreaming(page, 10);
    assert.ok(measured.elements > 1000, `${measured.elements} elements`);
    assert.ok(measured.shift < 0.05, `layout shift ${measured.shift}: ${measured.shifts}`);
    const [empty, ...during] = measured.heap;
    assert.ok(during.at(-1) - empty < 8, `heap in MiB: ${measured.heap}`);
    const longest = Math.max(0, ...measured.tasks.map(({ ms }) => ms));
    best = Math.min(best ?? longest, longest);
    if (best <= 50) return;
  }
  assert.ok(best <= longestTask, `a task took ${best} ms`);
});

test("a frame late in a long answer costs what one at its start costs", { timeout: 180_000 }, async () => {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  const cost = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    const of = (name) => metrics.find((metric) => metric.name === name).value;
    return of("LayoutDuration") + of("RecalcStyleDuration") + of("ScriptDuration");
  };
  const text = answers.filter((answer) => !/unclosed/.test(answer)).join("\n\n");
  const whole = text.repeat(8);
  await page.evaluate(() => (window.drawn = [mountAnswer()]));
  const costs = [];
  for (let round = 0; round < 8; ++round) {
    const before = await cost();
    await page.evaluate(
      async ([text, from, to]) => {
        for (let at = from; at < to; at += 60) {
          drawn[0].view.update(text.slice(0, at), { done: false });
          scrollTo(0, document.documentElement.scrollHeight);
          await new Promise((next) => requestAnimationFrame(next));
        }
      },
      [whole, round * text.length, (round + 1) * text.length],
    );
    costs.push(Math.round(((await cost()) - before) * 1000));
  }
  await clear();
  // The first round warms up; the machine has other work.
  assert.ok(Math.min(...costs.slice(5)) < 2 * Math.min(...costs.slice(1, 4)), `ms of each eighth: ${costs}`);
});
