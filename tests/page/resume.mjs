// The server owns an answer: reloads, other tabs and lost connections find it where it is.
import assert from "node:assert/strict";
import { answers, ask, composer, person, questions, step, stopButton, tab } from "./browser.mjs";
import { pageServer, slowModel } from "./server.mjs";

const server = await pageServer({ models: [slowModel()] });
const context = await person(server.url);

const written = (page) =>
  answers(page)
    .last()
    .locator(".answer")
    .evaluate((element) => element.textContent);
const grows = (page, length) =>
  page.waitForFunction(
    (from) => [...document.querySelectorAll(".assistant .answer")].at(-1)?.textContent.length > from,
    length,
  );

step("a reload in mid-stream goes on with the same answer", async () => {
  const page = await tab(context);
  await ask(page, "A long story, please");
  await grows(page, 40);
  const before = await written(page);
  await page.reload();
  await grows(page, before.length);
  assert.ok((await written(page)).startsWith(before.slice(0, 20)));
  assert.equal(await answers(page).count(), 1);
  await stopButton(page).click();
  await page.getByText("You stopped this answer.").waitFor();
  await page.close();
});

step("two tabs show one chat: questions, answers, names and the end", async () => {
  const one = await tab(context);
  await ask(one, "A story for two");
  await grows(one, 20);
  const two = await tab(context, `/${new URL(one.url()).hash}`);
  await grows(two, 20);
  assert.ok((await written(one)).slice(0, 15) === (await written(two)).slice(0, 15));
  await stopButton(two).click();
  await one.getByText("You stopped this answer.").waitFor();
  assert.equal(await written(one), await written(two));

  await ask(two, "And a second one");
  await questions(one).filter({ hasText: "And a second one" }).waitFor();
  await grows(one, 10);
  await stopButton(one).click();
  await two.waitForFunction(() => !document.querySelector('article[aria-busy="true"]'));

  const menu = two.getByRole("navigation").getByRole("button", { name: /^Menu of/ }).first();
  await menu.click();
  await two.getByRole("menuitem", { name: "Rename" }).click();
  await two.getByRole("textbox", { name: "Rename" }).fill("Known to both");
  await two.keyboard.press("Enter");
  await one.getByRole("heading", { level: 1, name: "Known to both" }).waitFor();
  await menu.click();
  await two.getByRole("menuitem", { name: "Delete" }).click();
  await one.waitForURL(/#\/$/);
  await one.close();
  await two.close();
});

step("a message written during an answer waits for its end", async () => {
  const page = await tab(context);
  await ask(page, "First");
  await composer(page).fill("Second");
  await composer(page).press("Enter");
  await page.getByText("Sends when the answer is complete.").waitFor();
  await stopButton(page).click();
  await questions(page).filter({ hasText: "Second" }).waitFor();
  await answers(page).nth(1).waitFor();
  await stopButton(page).click();
  await page.close();
});

step("offline and back: what is written is kept, and the page goes on by itself", async () => {
  const page = await tab(context);
  await ask(page, "A story before the line is cut");
  await grows(page, 20);
  await context.setOffline(true);
  await composer(page).fill("written offline");
  await composer(page).press("Enter");
  await page.getByText("Sends when the answer is complete.").waitFor();
  await context.setOffline(false);
  const before = await written(page);
  await grows(page, before.length);
  await stopButton(page).click();
  await questions(page).filter({ hasText: "written offline" }).waitFor();
  await answers(page).nth(1).waitFor();
  await stopButton(page).click();
  await page.close();
});
