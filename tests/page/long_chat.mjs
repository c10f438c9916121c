// A chat of 300 messages opens and scrolls as a short one does.
import assert from "node:assert/strict";
import { answers, assertQuiet, composer, person, questions, step, tab } from "./browser.mjs";
import { pageServer } from "./server.mjs";

const turns = 150;

// As ChatGPT exports it.
function longChat() {
  const mapping = { root: { id: "root", message: null, parent: null, children: ["m0"] } };
  for (let n = 0; n < 2 * turns; ++n) {
    const text =
      n % 2 === 0
        ? `Question ${n / 2 + 1}: how does it go on?`
        : `It goes on like this.\n\n- one\n- two\n\n\`\`\`c\nint x = ${n};\n\`\`\`\n\n${"And so the story went on. ".repeat(20)}`;
    mapping[`m${n}`] = {
      id: `m${n}`,
      parent: n === 0 ? "root" : `m${n - 1}`,
      children: n === 2 * turns - 1 ? [] : [`m${n + 1}`],
      message: {
        id: `m${n}`,
        author: { role: n % 2 === 0 ? "user" : "assistant" },
        create_time: 1_700_000_000 + n,
        content: { content_type: "text", parts: [text] },
      },
    };
  }
  return JSON.stringify([
    {
      title: "A very long chat",
      create_time: 1_700_000_000,
      update_time: 1_700_000_300,
      mapping,
      current_node: `m${2 * turns - 1}`,
    },
  ]);
}

const server = await pageServer();
const page = await tab(await person(server.url));

step("it is imported and opens at its end", async () => {
  await page.locator('nav input[type="file"]').setInputFiles({
    name: "conversations.json",
    mimeType: "application/json",
    buffer: Buffer.from(longChat()),
  });
  await page.getByText("1 chat was imported.").waitFor();
  await page.getByRole("link", { name: "A very long chat" }).click();
  await questions(page)
    .filter({ hasText: `Question ${turns}:` })
    .waitFor();
  assert.equal((await questions(page).count()) + (await answers(page).count()), 2 * turns);
  await page.waitForFunction(() => {
    const box = document.querySelector('[role="log"]').parentElement;
    return box.scrollHeight > 10_000 && box.scrollHeight - box.clientHeight - box.scrollTop < 60;
  });
});

step("keys stay quick while one writes in it", async () => {
  const slowest = await page.evaluate(async () => {
    const field = document.querySelector("form textarea");
    let worst = 0;
    for (let n = 0; n < 20; ++n) {
      const start = performance.now();
      field.value += "x";
      field.dispatchEvent(new Event("input", { bubbles: true }));
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      worst = Math.max(worst, performance.now() - start);
    }
    return worst;
  });
  // 100 ms on a machine that has nothing else to do.
  assert.ok(slowest < 500, `${slowest} ms for a key`);
  await composer(page).fill("");
});

step("up stops following, the button leads back", async () => {
  await page.mouse.move(700, 300);
  await page.mouse.wheel(0, -2_000);
  const back = page.getByRole("button", { name: "Go to the newest message" });
  await back.click();
  await back.waitFor({ state: "detached" });
});

step("the search goes to a message in its middle", async () => {
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Search everything" }).fill('"Question 77"');
  await page.getByRole("option").filter({ hasText: "Question 77" }).first().click();
  const found = questions(page).filter({ hasText: "Question 77:" });
  await page.waitForFunction(
    (element) => {
      const { top } = element.getBoundingClientRect();
      return top > 0 && top < 300;
    },
    await found.elementHandle(),
  );
  assertQuiet(page);
});
