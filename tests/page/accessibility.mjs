// axe's rules (WCAG 2.2 A and AA, best practice) on every view and state, in both themes, on a desk and on a phone.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { person } from "./browser.mjs";
import { pageServer } from "./server.mjs";
import { stage } from "./stage/server.mjs";
import { show, views } from "./views.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const server = await pageServer();

const sizes = {
  desk: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
};

// Colours on their way from one theme to the other are no colours to judge.
async function settled() {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  for (const animation of document.getAnimations()) if (animation instanceof CSSTransition) animation.finish();
}

const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const stages = {};
const stageOf = async (kind) => (stages[kind] ??= await stage({ assets: server.url, [kind]: true }));
after(() => Object.values(stages).forEach((running) => running.close()));

for (const [size, options] of Object.entries(sizes)) {
  // The page's own policy would keep the checker out.
  const context = await person(server.url, { ...options, bypassCSP: true });
  for (const view of views)
    test(`${view.name}, ${size}`, async () => {
      const { url } = await stageOf(view.stage ?? "full");
      const page = await context.newPage();
      try {
        await page.emulateMedia({ reducedMotion: "reduce", colorScheme: "light" });
        await show(page, url, { ...view, minutes: 0 });
        await page.evaluate(axe);
        for (const colorScheme of ["light", "dark"]) {
          await page.emulateMedia({ reducedMotion: "reduce", colorScheme });
          await page.waitForFunction((theme) => document.documentElement.dataset.theme === theme, colorScheme);
          await page.evaluate(settled);
          const { violations } = await page.evaluate((runOnly) => globalThis.axe.run(document, { runOnly }), rules);
          const told = violations.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.map((node) => node.html) }));
          assert.deepEqual(told, [], colorScheme);
        }
      } finally {
        await page.close();
      }
    });
}
