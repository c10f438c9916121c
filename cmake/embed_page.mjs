// Makes of a folder of built files what the program embeds:
//   node embed_page.mjs DIST OUT
// OUT/page.bin has the bytes of every file, plain and compressed; OUT/page_files.cc the table of them. Fails where a
// file names an address of another origin that is not known to be words only.
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join, relative, resolve, sep } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const [dist, out] = process.argv.slice(2).map((path) => resolve(path));

const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
};
const compressible = new Set([".html", ".js", ".css", ".json", ".webmanifest", ".svg", ".txt"]);

// Addresses that stand in texts: names of XML languages, and where libraries explain their messages.
const words = [
  /^https?:\/\/www\.w3\.org\//,
  /^https:\/\/svelte\.dev\/e\//,
  /^https:\/\/github\.com\/(?:highlightjs\/highlight\.js\/(?:issues|wiki)|markedjs\/marked|babel\/babel\/blob)\b/,
];

function foreignAddresses(text) {
  const found = text.match(/(?:https?|wss?):\/\/[^\s"'`<>()\\]+/gi) ?? [];
  // Loaded by a page or a style sheet, written without a scheme.
  found.push(...(text.match(/(?:src|href)=["']?\/\/[^\s"'>]+|url\(["']?\/\/[^)]+/gi) ?? []));
  return found.filter((address) => !words.some((known) => known.test(address)));
}

function filesOf(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => (entry.isDirectory() ? filesOf(join(folder, entry.name)) : [join(folder, entry.name)]));
}

const chunks = [];
let size = 0;
function place(bytes) {
  chunks.push(bytes);
  size += bytes.length;
  return `{hearth_page_bytes + ${size - bytes.length}, ${bytes.length}}`;
}

const rows = [];
const faults = [];
for (const file of filesOf(dist)) {
  const path = "/" + relative(dist, file).split(sep).join("/");
  const extension = extname(file);
  const type = types[extension];
  if (!lstatSync(file).isFile() || !type || !/^[\w./-]+$/.test(path)) {
    faults.push(`${path}: what is this?`);
    continue;
  }
  const bytes = readFileSync(file);
  let gzip = "{}";
  let brotli = "{}";
  if (compressible.has(extension)) {
    faults.push(...foreignAddresses(bytes.toString("utf8")).map((address) => `${path}: names ${address}`));
    const zipped = gzipSync(bytes, { level: 9 });
    const packed = brotliCompressSync(bytes, {
      params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length, [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT },
    });
    if (zipped.length < bytes.length) gzip = place(zipped);
    if (packed.length < bytes.length) brotli = place(packed);
  }
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 32);
  rows.push(`    {"${path}", "${type}", "${hash}", ${place(bytes)}, ${gzip}, ${brotli}},`);
}
if (!rows.some((row) => row.includes('"/index.html"'))) faults.push("there is no index.html");
if (faults.length > 0) {
  console.error(faults.join("\n"));
  process.exit(1);
}

const bin = Buffer.concat(chunks);
const symbol = "hearth_page_bytes";
writeFileSync(join(out, "page.bin"), bin);
// The hash makes the source another one whenever the bytes are.
writeFileSync(
  join(out, "page_files.cc"),
  `// ${createHash("sha256").update(bin).digest("hex")}
#include "api/page/assets.h"

#ifdef __APPLE__
__asm__(".section __TEXT,__const\\n.globl _${symbol}\\n_${symbol}:\\n.incbin \\"${join(out, "page.bin")}\\"\\n.text\\n");
#else
__asm__(".pushsection .rodata\\n.globl ${symbol}\\n${symbol}:\\n.incbin \\"${join(out, "page.bin")}\\"\\n.popsection\\n");
#endif
extern "C" const char hearth_page_bytes[];

namespace hearth::api::page {
namespace {
const Asset kAssets[] = {
${rows.join("\n")}
};
}  // namespace

std::span<const Asset> embedded_assets() { return kAssets; }
}  // namespace hearth::api::page
`,
);
console.log(`embedded ${rows.length} files, ${bin.length} bytes`);
