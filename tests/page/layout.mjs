// Every place in every language, from a desk down to 320 pixels (a page at 400 %), and mirrored for languages that are
// written from right to left: nothing is wider than the window but what scrolls by itself.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { person } from "./browser.mjs";
import { pageServer } from "./server.mjs";
import { stage } from "./stage/server.mjs";

const server = await pageServer();
const full = await stage({ assets: server.url });
const empty = await stage({ assets: server.url, empty: true });
after(() => [full, empty].forEach((running) => running.close()));

const places = [
  { url: full.url, place: "#/chat/c1", there: ".answer pre" },
  { url: full.url, place: "#/models", there: "main table" },
  { url: full.url, place: "#/status", there: "main table" },
  { url: full.url, place: "#/settings", there: "main h2" },
  { url: empty.url, place: "#/", there: "main h2" },
];
const widths = [1280, 390, 320];

// Parts of the view that stick out of the window, outside of what is scrolled sideways.
const sticksOut = () =>
  [...document.querySelectorAll("main *")]
    .filter((part) => {
      const { left, right, width, height } = part.getBoundingClientRect();
      return width > 1 && height > 1 && (left < -1 || right > innerWidth + 1);
    })
    .filter((part) => {
      for (let outer = part.parentElement; outer; outer = outer.parentElement)
        if (["auto", "scroll", "hidden"].includes(getComputedStyle(outer).overflowX) && !outer.matches(".view, .box"))
          return false;
      return true;
    })
    .map((part) => part.outerHTML.slice(0, 160));

for (const language of ["en", "de", "es", "fr", "zh", "mirrored"]) {
  const context = await person(full.url, { locale: language === "mirrored" ? "en" : language });
  test(`${language} fits at every width`, async () => {
    const page = await context.newPage();
    for (const { url, place, there } of places) {
      await page.setViewportSize({ width: 1280, height: 800 });
      await page.goto(`${url}/${place}`);
      await page.locator(there).filter({ visible: true }).first().waitFor();
      if (language === "mirrored") {
        await page.evaluate(() => (document.documentElement.dir = "rtl"));
        const side = await page.getByRole("navigation").first().boundingBox();
        assert.ok(side.x > 640, "the sidebar is on the right");
      } else assert.equal(await page.evaluate(() => document.documentElement.lang), language);
      for (const width of widths) {
        await page.setViewportSize({ width, height: 800 });
        await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
        assert.deepEqual(await page.evaluate(sticksOut), [], `${place}, ${width} pixels`);
        assert.ok(
          await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
          `${place}, ${width} pixels: the page scrolls sideways`,
        );
      }
    }
  });
}
