// Draws public/icons/*.png from hearth.svg with Chromium: node scripts/icons.mjs [/usr/bin/chromium]. The files are in
// the tree, as a build has no browser; run it when the drawing changes.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const browser = process.argv[2] ?? "/usr/bin/chromium";
const icons = path.join(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), "../public/icons");
const drawing = readFileSync(path.join(icons, "hearth.svg"), "utf8");
// Systems cut their own shape out of this one: no corners, and everything within the inner four fifths.
const maskable = drawing
  .replace('rx="15" ', "")
  .replace(/(<rect[^>]*>)/, '$1<g transform="translate(32 32) scale(.72) translate(-32 -32)">')
  .replace("</svg>", "</g></svg>");

const folder = mkdtempSync(path.join(tmpdir(), "hearth-icons-"));
for (const [name, svg, size] of [
  ["hearth-180", maskable, 180],
  ["hearth-192", drawing, 192],
  ["hearth-512", drawing, 512],
  ["hearth-maskable-512", maskable, 512],
]) {
  const page = path.join(folder, `${name}.html`);
  const sized = svg.replace("<svg ", `<svg width="${size}" height="${size}" `);
  writeFileSync(page, `<style>body{margin:0;overflow:hidden}svg{display:block}</style>${sized}`);
  execFileSync(
    browser,
    [
      "--headless",
      "--no-sandbox",
      "--hide-scrollbars",
      "--default-background-color=00000000",
      // The window has to be larger than its smallest size; the picture is cut out by the viewport's own.
      `--window-size=${size},${size}`,
      `--screenshot=${path.join(icons, `${name}.png`)}`,
      `file://${page}`,
    ],
    { stdio: "ignore" },
  );
}
rmSync(folder, { recursive: true });
