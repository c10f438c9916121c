// Pictures of every view, light and dark, on a desk and on a phone: node tests/page/screenshots.mjs URL [FOLDER]
//
// URL: a server that has the page (its models and chats stay out of the pictures). FOLDER: docs/screenshots. With
// ONLY=name,name only those views. Needs tests/page/fetch and the system's Chromium.
import { mkdir, writeFile } from "node:fs/promises";
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
const longest = 2000;
const only = process.env.ONLY?.split(",");

// The height that shows all of the view that scrolls.
const wholeHeight = (page) =>
  page.evaluate(() => {
    const hidden = [...document.querySelectorAll("main *")].map((part) =>
      getComputedStyle(part).overflowY === "auto" ? part.scrollHeight - part.clientHeight : 0,
    );
    return innerHeight + Math.max(0, ...hidden);
  });

const program = process.env.HEARTH_CHROMIUM ?? "/usr/bin/chromium";
const browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox"] });
// The browser is the encoder: PNG in, WebP out.
const encoder = await browser.newPage();
async function webp(png) {
  const base64 = await encoder.evaluate(async (source) => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${source}`)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height);
    canvas.getContext("2d").drawImage(image, 0, 0);
    const blob = await canvas.convertToBlob({ type: "image/webp", quality: 0.3 });
    const bytes = new Uint8Array(await blob.arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  }, png.toString("base64"));
  return Buffer.from(base64, "base64");
}

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
      const picture = await page.screenshot({ animations: "disabled", caret: "hide" });
      await writeFile(join(folder, `${view.name}-${theme}-${size}.webp`), await webp(picture));
      await context.close();
      running.close();
    }
await browser.close();
