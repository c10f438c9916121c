// Fails when the built page has grown past its budgets: gzip bytes of what the first view loads and of everything.
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";

const firstLimit = 150 * 1024;
const allLimit = 350 * 1024;
const dist = path.resolve(process.argv[2] ?? process.env.HEARTH_PAGE_OUT ?? "dist");
const assets = path.join(dist, "assets");

const size = (file) => gzipSync(readFileSync(file), { level: 9 }).length;
const html = readFileSync(path.join(dist, "index.html"), "utf8");
const files = readdirSync(assets);
// Fonts are compressed already, and each is loaded only by a formula that needs it.
const counted = files.filter((name) => /\.(js|css)$/.test(name));

// What index.html names, and what those import statically.
const first = new Set(files.filter((name) => html.includes(name)));
for (const name of first) {
  if (!name.endsWith(".js")) continue;
  const code = readFileSync(path.join(assets, name), "utf8");
  for (const match of code.matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g)) first.add(match[1]);
}

const sum = (names) => [...names].reduce((total, name) => total + size(path.join(assets, name)), 0);
const firstBytes = size(path.join(dist, "index.html")) + sum(first);
const allBytes = size(path.join(dist, "index.html")) + sum(counted);
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
console.log(`first view ${kib(firstBytes)} of ${kib(firstLimit)}, all ${kib(allBytes)} of ${kib(allLimit)} (gzip)`);

const foreign = counted.filter((name) =>
  /(?:src|href|url|import|fetch)\s*[=(:]?\s*\(?["'`]?https?:\/\//.test(readFileSync(path.join(assets, name), "utf8")),
);
if (foreign.length > 0) console.error(`addresses of other origins in ${foreign.join(", ")}`);
if (/<script(?![^>]*\bsrc=)|\sstyle=|<style/.test(html)) console.error("inline code or styles in index.html");
if (firstBytes > firstLimit || allBytes > allLimit || foreign.length > 0) process.exit(1);
