// People at the page: tabs of the system's Chromium, watched for whatever a page must not do.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, test } from "node:test";
import { chromium } from "playwright-core";

const program =
  process.env.HEARTH_CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((file) => existsSync(file));

// A step of a journey. The steps after one that failed have nothing to stand on and are left out.
let failed = null;
export function step(name, act) {
  test(name, async (context) => {
    if (failed) return context.skip(`after "${failed}"`);
    try {
      await act();
    } catch (error) {
      failed = name;
      throw error;
    }
  });
}

let browser = null;

async function launched() {
  if (browser) return browser;
  browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox", "--disable-gpu"] });
  after(() => browser.close());
  return browser;
}

// A browser of one person: its tabs share storage and cookies.
export async function person(url, options = {}) {
  const context = await (
    await launched()
  ).newContext({ baseURL: url, locale: "en-GB", viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(30_000);
  return context;
}

// A tab at `place`. `problems` fills with errors and with requests that leave the server.
export async function tab(context, place = "/") {
  const page = await context.newPage();
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(`error: ${error.message}`));
  page.on("console", (message) => {
    // A connection that a test cuts, or a refusal that it asks for, is no mistake of the page.
    if (message.type() === "error" && !/net::ERR_|status of 400/.test(message.text())) page.problems.push(message.text());
  });
  await page.goto(place);
  const home = new URL(page.url()).origin;
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol !== "blob:" && origin !== home) page.problems.push(`request to ${request.url()}`);
  });
  await page.getByRole("textbox", { name: "Message", exact: true }).waitFor();
  return page;
}

// To call at a journey's end.
export function assertQuiet(page) {
  assert.deepEqual(page.problems, []);
}

export const composer = (page) => page.getByRole("textbox", { name: "Message", exact: true });
export const answers = (page) => page.getByRole("article", { name: /^Answer/ });
export const questions = (page) => page.getByRole("article", { name: /^You/ });
export const stopButton = (page) => page.getByRole("button", { name: "Stop", exact: true });

// Asks, and resolves when the answer has begun.
export async function ask(page, words) {
  const count = await answers(page).count();
  await composer(page).fill(words);
  await composer(page).press("Enter");
  await answers(page).nth(count).waitFor();
}

// Resolves when no answer is being written.
export async function answered(page) {
  await page.waitForFunction(() => !document.querySelector('article[aria-busy="true"]'), null, { timeout: 30_000 });
}
