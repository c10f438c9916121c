// Pictures of every view, light and dark, on a desk and on a phone: node tests/page/screenshots.mjs URL [FOLDER]
//
// URL: a server that has the page (its models and chats stay out of the pictures). FOLDER: docs/screenshots. With
// ONLY=name,name only those views. Needs tests/page/fetch and the system's Chromium.
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { stage } from "./stage/server.mjs";
import { show, views } from "./views.mjs";

const [url, folder = "docs/screenshots"] = process.argv.slice(2);
if (!url) throw new Error("usage: node tests/page/screenshots.mjs URL [FOLDER]");

const sizes = {
  desk: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
};
const longest = 2200;
const only = process.env.ONLY?.split(",");

// The height that shows all of the view that scrolls.
const wholeHeight = (page) =>
  page.evaluate(() => {
    const hidden = [...document.querySelectorAll("main *")].map((part) =>
      getComputedStyle(part).overflowY === "auto" ? part.scrollHeight - part.clientHeight : 0,
    );
    return innerHeight + Math.max(0, ...hidden);
  });

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
await mkdir(folder, { recursive: true });
for (const [size, options] of Object.entries(sizes))
  for (const theme of ["light", "dark"])
    for (const view of views.filter(({ name }) => !only || only.includes(name))) {
      const { viewport } = options;
      const running = await stage({ assets: url, [view.stage]: true });
      const context = await browser.newContext({ ...options, colorScheme: theme, locale: "en-GB" });
      const page = await context.newPage();
      await show(page, running.url, view);
      if (["models", "status", "settings", "model-details"].includes(view.name)) {
        await page.setViewportSize({ ...viewport, height: Math.min(longest, await wholeHeight(page)) });
        if (view.minutes) await page.clock.runFor(100);
      }
      await page.screenshot({
        path: join(folder, `${view.name}-${theme}-${size}.png`),
        animations: "disabled",
        caret: "hide",
      });
      await context.close();
      running.close();
    }
await browser.close();
