// Choosing, downloading, loading and deleting models with the keyboard alone, on the stage: no registry is asked.
import assert from "node:assert/strict";
import { after } from "node:test";
import { composer, person, step } from "./browser.mjs";
import { pageServer } from "./server.mjs";
import { stage } from "./stage/server.mjs";

const server = await pageServer();
const running = await stage({ assets: server.url });
after(() => running.close());
const context = await person(running.url);
const page = await context.newPage();
await page.goto("/");
await composer(page).waitFor();

const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() ?? "");
const row = (name) => page.getByRole("article", { name });
const pulls = () => page.getByRole("list", { name: "Downloads" });

// Presses Tab until the button has the focus.
async function tabTo(button) {
  for (let i = 0; i < 120; ++i) {
    if (await button.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  assert.fail("the keyboard does not reach it");
}

step("a model is chosen by typing a part of its name", async () => {
  await composer(page).focus();
  await page.keyboard.press("Control+Shift+M");
  const filter = page.getByRole("combobox", { name: "Filter models" });
  await filter.waitFor();
  await page.keyboard.type("gemma q4");
  assert.equal(await page.getByRole("option").count(), 1);
  await page.keyboard.press("Enter");
  assert.match(await focused(), /gemma4:e4b/);
  await page.keyboard.press("Enter");
  await filter.waitFor();
  const active = () => filter.getAttribute("aria-activedescendant");
  const first = await active();
  await page.keyboard.press("ArrowDown");
  assert.notEqual(await active(), first);
  await page.keyboard.press("Escape");
  assert.match(await focused(), /gemma4:e4b/);
});

step("a download goes on while one looks at other places, and another beside it fails with the reason", async () => {
  await page.goto("/#/models");
  const field = page.getByRole("textbox", { name: /by its name/ });
  await tabTo(field);
  await page.keyboard.type("https://huggingface.co/unsloth/Qwen3-4B-GGUF");
  await page.keyboard.press("Enter");
  await page.keyboard.type("missing:1b");
  await page.keyboard.press("Enter");
  await pulls().getByText("has no model 'missing:1b'").waitFor();
  await pulls().getByText(/left$/).waitFor();
  const share = () => pulls().getByRole("progressbar").getAttribute("aria-valuenow").then(Number);
  const before = await share();
  await page.getByRole("link", { name: "Status" }).click();
  await page.getByRole("heading", { name: "Memory by model" }).waitFor();
  await page.getByRole("link", { name: "Models", exact: true }).click();
  await page.waitForFunction(
    (least) => Number(document.querySelector("[role=progressbar]")?.getAttribute("aria-valuenow")) > least,
    before,
  );
});

step("it is cancelled, listed after a reload and goes on from there", async () => {
  await tabTo(pulls().getByRole("button", { name: "Cancel" }));
  await page.keyboard.press("Enter");
  await pulls().getByText(/^Cancelled/).waitFor();
  await page.reload();
  await pulls().getByText(/^Interrupted/).first().waitFor();
  const again = pulls().getByRole("listitem").filter({ hasText: "Qwen3-4B" }).getByRole("button", { name: "Continue" });
  await tabTo(again);
  await page.keyboard.press("Enter");
  await pulls().getByText(/left$/).waitFor();
});

step("a model is loaded, looked into and unloaded", async () => {
  const model = row("llama3.2:3b");
  await tabTo(model.getByRole("button", { name: "Load", exact: true }));
  await page.keyboard.press("Enter");
  await model.getByRole("button", { name: "Unload" }).waitFor();
  await model.getByText(/In memory/).waitFor();
  assert.equal(await focused(), "Unload");
  await tabTo(model.getByRole("button", { name: "Details" }));
  await page.keyboard.press("Enter");
  await model.getByText("Architecture").waitFor();
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  await model.getByRole("button", { name: "Load", exact: true }).waitFor();
});

step("deleting asks first, and says what is gone", async () => {
  await tabTo(page.getByRole("button", { name: "More for llama3.2:3b" }));
  await page.keyboard.press("Enter");
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Delete llama3.2:3b?" }).waitFor();
  assert.equal(await focused(), "Cancel");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByText("llama3.2:3b was deleted.").waitFor();
  assert.equal(await row("llama3.2:3b").count(), 0);
});
