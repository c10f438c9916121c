// The main journey: ask, stop, go on, branch, find again, tidy up.
import assert from "node:assert/strict";
import { answered, answers, ask, assertQuiet, composer, person, questions, step, stopButton, tab } from "./browser.mjs";
import { pageServer, slowModel } from "./server.mjs";

const server = await pageServer({ models: [slowModel()] });
const context = await person(server.url, { permissions: ["clipboard-read", "clipboard-write"] });
const page = await tab(context);

const sidebar = () => page.getByRole("navigation", { name: "Chats and places" });

step("the page is there at once, with the focus where one writes", async () => {
  const [timing] = await page.evaluate(() => performance.getEntriesByType("navigation").map((entry) => entry.toJSON()));
  assert.ok(timing.domContentLoadedEventEnd < 3_000, `${timing.domContentLoadedEventEnd} ms`);
  await composer(page).focus();
  assertQuiet(page);
});

step("a question goes to the top, its answer below it, and the focus stays", async () => {
  await ask(page, "Tell me a long story about a lighthouse");
  const box = await questions(page).last().boundingBox();
  assert.ok(box.y < 140, `the question is at ${box.y}`);
  assert.equal(await composer(page).inputValue(), "");
  assert.ok(await composer(page).evaluate((field) => field === document.activeElement));
  await page.waitForFunction(() => document.querySelector(".assistant")?.textContent.length > 40);
  assert.match(page.url(), /#\/chat\/.+/);
  await sidebar().getByRole("link", { name: /lighthouse/ }).waitFor();
});

step("Escape stops, what was written stays, and continue goes on from there", async () => {
  await stopButton(page).waitFor();
  await page.waitForFunction(() => document.querySelector(".assistant .answer")?.innerText.length > 40);
  await page.keyboard.press("Escape");
  await page.getByText("You stopped this answer.").waitFor();
  const kept = await answers(page).last().locator(".answer").innerText();
  assert.ok(kept.length > 20);
  await answers(page).last().getByRole("button", { name: "Details" }).click();
  await answers(page).last().getByText("Tokens written").waitFor();
  await answers(page).last().getByRole("button", { name: "Details" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForFunction(
    (length) => document.querySelector(".assistant .answer").innerText.length > length,
    kept.length,
  );
  assert.equal(await answers(page).count(), 1);
  await stopButton(page).click();
  await page.getByText("You stopped this answer.").waitFor();
});

step("settings of the chat count: an answer ends at its limit", async () => {
  await page.getByRole("button", { name: "Chat settings" }).first().click();
  const dialog = page.getByRole("dialog", { name: "Chat settings" });
  await dialog.getByLabel("Answer limit").fill("12");
  await dialog.getByLabel("System prompt").fill("Be brief.");
  await dialog.getByRole("button", { name: "Done" }).click();
  await dialog.waitFor({ state: "hidden" });
  await ask(page, "And another one");
  await answered(page);
  await page.getByText("The answer reached its token limit.").waitFor();
});

step("an answer tells what it took", async () => {
  const answer = answers(page).last();
  await answer.getByRole("button", { name: "Details" }).click();
  const written = answer.locator("dl div", { hasText: "Tokens written" }).locator("dd");
  assert.match(await written.innerText(), /^12\b/);
  await answer.getByText(/in all$/).waitFor();
  await answer.getByRole("button", { name: "Details" }).click();
});

step("answers made again and questions written anew are branches", async () => {
  const answer = () => answers(page).last();
  const first = await answer().locator(".answer").innerText();
  await answer().hover();
  await answer().getByRole("button", { name: "Answer again" }).click();
  await page.getByText("2/2").waitFor();
  await answered(page);
  await answer().getByRole("button", { name: "Previous version" }).click();
  await page.getByText("1/2").waitFor();
  assert.equal(await answer().locator(".answer").innerText(), first);

  await composer(page).press("ArrowUp");
  const field = page.getByRole("textbox", { name: "Edit your message" });
  assert.equal(await field.inputValue(), "And another one");
  await field.fill("And another one, about a fox");
  await field.press("Enter");
  await questions(page).filter({ hasText: "about a fox" }).waitFor();
  await answered(page);
  await questions(page).last().hover();
  await questions(page).last().getByRole("button", { name: "Previous version" }).click();
  await questions(page).getByText("And another one", { exact: true }).waitFor();
});

step("a draft is still there after a reload, and so is the branch", async () => {
  await composer(page).fill("half a thou");
  const saved = page.waitForResponse((response) => response.request().method() === "PATCH");
  await saved;
  await page.reload();
  await composer(page).waitFor();
  await page.waitForFunction(() => document.querySelector("form textarea")?.value === "half a thou");
  await questions(page).getByText("And another one", { exact: true }).waitFor();
  await composer(page).fill("");
});

step("a long paste becomes a file, and text again", async () => {
  await composer(page).focus();
  await page.evaluate(() => navigator.clipboard.writeText("word ".repeat(3_000)));
  await page.keyboard.press("Control+v");
  await page.getByRole("button", { name: /^Pasted text\.txt/ }).waitFor();
  assert.equal(await composer(page).inputValue(), "");
  await page.getByRole("button", { name: "Insert as text" }).click();
  assert.equal((await composer(page).inputValue()).length, 15_000);
  await composer(page).fill("");
});

step("what does not fit is said before anything is lost", async () => {
  // The model's words are short: three tokens for each of these.
  await composer(page).fill("界".repeat(20_000));
  await composer(page).press("Enter");
  const notice = page.getByRole("alert").filter({ hasText: "does not fit" });
  await notice.waitFor();
  assert.equal((await composer(page).inputValue()).length, 20_000);
  await notice.getByRole("button", { name: "Close" }).click();
  await composer(page).fill("");
});

step("a file with text goes along, one without does not", async () => {
  const input = page.locator('form input[type="file"]');
  await input.setInputFiles([
    { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("the fox is red") },
    { name: "picture.png", mimeType: "image/png", buffer: Buffer.from([0x89, 0x50, 0, 1]) },
  ]);
  await page.getByText("picture.png is not a text file, so it was not attached.").waitFor();
  await ask(page, "What colour is it?");
  await answered(page);
  await questions(page).last().getByRole("button", { name: /^notes\.txt/ }).click();
  await page.getByRole("dialog", { name: "notes.txt" }).getByText("the fox is red").waitFor();
  await page.keyboard.press("Escape");
});

step("the search finds a message and goes to it", async () => {
  await page.getByRole("link", { name: "New chat" }).first().click();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Search everything" }).fill("lighthouse");
  const hit = page.getByRole("option").filter({ has: page.locator("mark") }).first();
  await hit.waitFor();
  await hit.click();
  await page.waitForURL(/#\/chat\/[^/]+\/[^/]+$/);
  await questions(page).filter({ hasText: "lighthouse" }).waitFor();
});

step("a chat is renamed, pinned, exported, deleted and brought back", async () => {
  const menu = () => sidebar().getByRole("button", { name: /^Menu of/ }).first();
  const choose = async (item) => {
    await menu().click();
    await page.getByRole("menuitem", { name: item, exact: true }).click();
  };
  await choose("Rename");
  await page.getByRole("textbox", { name: "Rename" }).fill("Stories by the sea");
  await page.keyboard.press("Enter");
  await sidebar().getByRole("link", { name: "Stories by the sea" }).waitFor();
  await page.getByRole("heading", { level: 1, name: "Stories by the sea" }).waitFor();

  await choose("Pin");
  await sidebar().getByRole("heading", { name: "Pinned" }).waitFor();

  const download = page.waitForEvent("download");
  await choose("Export as Markdown");
  assert.match((await download).suggestedFilename(), /\.md$/);

  await choose("Delete");
  await page.getByText("“Stories by the sea” was deleted.").waitFor();
  assert.equal(await sidebar().getByRole("link", { name: "Stories by the sea" }).count(), 0);
  await page.getByRole("button", { name: "Undo" }).click();
  await sidebar().getByRole("link", { name: "Stories by the sea" }).waitFor();
  await questions(page).filter({ hasText: "lighthouse" }).waitFor();
});

step("nothing went wrong on the way, and nothing left the server", () => assertQuiet(page));
