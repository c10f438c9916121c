// The main journey with the keyboard alone.
import assert from "node:assert/strict";
import { answered, answers, assertQuiet, composer, person, questions, step, tab } from "./browser.mjs";
import { pageServer, slowModel } from "./server.mjs";

const server = await pageServer({ models: [slowModel()] });
const page = await tab(await person(server.url));

const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.id);
const press = async (...keys) => {
  for (const key of keys) await page.keyboard.press(key);
};

// Tab goes everywhere: until something of this name has the focus.
async function tabTo(name) {
  for (let n = 0; n < 80; ++n) {
    const at = await page.evaluate(() => {
      const element = document.activeElement;
      return element?.getAttribute("aria-label") ?? element?.textContent?.trim() ?? "";
    });
    if (name.test(at)) return;
    await press("Tab");
  }
  assert.fail(`Tab never came to ${name}`);
}

step("a new chat can be written into at once", async () => {
  await page.waitForFunction(() => document.activeElement?.matches("textarea"));
  assert.equal(await focused(), "Message");
});

step("every control can be reached by Tab and shows that it has the focus", async () => {
  const seen = [];
  let round = 0;
  for (let n = 0; n < 90; ++n) {
    await press("Tab");
    const at = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      const style = getComputedStyle(element);
      const shows = (around) => around && getComputedStyle(around).outlineStyle !== "none";
      return {
        name: element.getAttribute("aria-label") ?? element.textContent?.trim(),
        // The message field shows it with its frame.
        visible: shows(element) || style.boxShadow !== "none" || element.matches("form textarea"),
      };
    });
    if (!at && ++round === 2) break; // once around: it began in the middle
    if (!at) continue;
    assert.ok(at.name, "a control without a name");
    assert.ok(at.visible, `the focus on "${at.name}" does not show`);
    seen.push(at.name);
  }
  for (const name of [/New chat/, /Search/, /Models/, /Settings/, /^Message$/, /Attach/, /Chat settings/])
    assert.ok(
      seen.some((one) => name.test(one)),
      `${name} is not among ${seen.join(", ")}`,
    );
});

step("ask, stop, move among messages, and back", async () => {
  await press("Shift+Escape");
  assert.equal(await focused(), "Message");
  await page.keyboard.type("Once upon a time");
  await press("Shift+Enter");
  await page.keyboard.type("there was a fox");
  await press("Enter");
  await answers(page).first().waitFor();
  assert.match(await questions(page).first().innerText(), /time\nthere/);
  await page.waitForFunction(() => document.querySelector(".assistant")?.textContent.length > 40);
  await press("Escape");
  await answered(page);

  await press("Alt+ArrowUp");
  assert.match(await focused(), /^Answer/);
  await press("k");
  assert.match(await focused(), /^You/);
  await press("j");
  assert.match(await focused(), /^Answer/);
  await press("Control+Shift+Enter");
  await page.getByText("2/2").waitFor();
  await press("Escape");
  await answered(page);
  await press("Alt+ArrowUp", "ArrowLeft");
  await page.getByText("1/2").waitFor();
  assert.match(await focused(), /^Answer/);
  await press("ArrowRight");
  await page.getByText("2/2").waitFor();
  await press("Escape");
  assert.equal(await focused(), "Message");
});

step("edit the last question from the empty field, and give up", async () => {
  await press("ArrowUp");
  await page.getByRole("textbox", { name: "Edit your message" }).waitFor();
  await page.waitForFunction(() => document.activeElement?.getAttribute("aria-label") === "Edit your message");
  await press("Escape");
  await page.getByRole("textbox", { name: "Edit your message" }).waitFor({ state: "detached" });
  await press("Shift+Escape");
});

step("menus: arrows move, Escape closes, the focus comes back", async () => {
  await tabTo(/^Menu of/);
  await press("ArrowDown");
  await page.getByRole("menuitem", { name: "Rename" }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), "Rename");
  await press("End");
  assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), "Delete");
  await press("Escape");
  assert.match(await focused(), /^Menu of/);
});

step("the search, the list of shortcuts and the settings open by their keys", async () => {
  await press("Control+k");
  await page.getByRole("combobox", { name: "Search everything" }).waitFor();
  await page.keyboard.type("fox");
  await page.getByRole("option").filter({ has: page.locator("mark") }).first().waitFor();
  await press("Escape");
  await page.getByRole("combobox", { name: "Search everything" }).waitFor({ state: "detached" });
  await press("Control+/");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await press("Escape");
  await press("Control+b");
  await page.getByRole("navigation").waitFor({ state: "detached" });
  await press("Control+b", "Control+.");
  await page.getByRole("heading", { level: 1, name: "Settings" }).waitFor();
});

step("a shortcut is changed, works, and all are turned off", async () => {
  const keys = page.getByRole("listitem").filter({ hasText: "Search everything" }).getByRole("button").last();
  await keys.focus();
  await press("Enter", "Control+Shift+S");
  await page.waitForFunction(() => !document.querySelector(".catching"));
  await press("Control+Shift+S");
  await page.getByRole("combobox", { name: "Search everything" }).waitFor();
  await press("Escape");
  await page.getByRole("combobox", { name: "Search everything" }).waitFor({ state: "detached" });
  await page.getByRole("switch", { name: "Keyboard shortcuts" }).focus();
  await press("Space", "Control+Shift+S");
  assert.equal(await page.getByRole("combobox", { name: "Search everything" }).count(), 0);
  await press("Space", "Control+Shift+O");
  await composer(page).waitFor();
  assert.match(page.url(), /#\/$/);
});

step("nothing went wrong on the way", () => assertQuiet(page));
