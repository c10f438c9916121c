// Builds the page of answers (answer/) and serves it with the server's own content policy, for tests that drive the
// renderer in a browser. It has mountAnswer() (answer/main.ts) and nothing else.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const here = path.dirname(fileURLToPath(import.meta.url));
const web = path.resolve(here, "../../web");
const types = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".woff2": "font/woff2" };

// The policy that src/api/page/ sends with the page.
export const contentPolicy = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' blob: data:",
  "font-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types hearth svelte-trusted-html",
].join("; ");

const program =
  process.env.HEARTH_CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((file) => existsSync(file));

async function build(outDir) {
  const vite = await import(pathToFileURL(path.join(web, "node_modules/vite/dist/node/index.js")).href);
  await vite.build({
    configFile: path.join(web, "vite.config.ts"),
    root: path.join(here, "answer"),
    logLevel: "error",
    build: { outDir, emptyOutDir: true },
  });
}

const corpus = path.join(web, "src/markdown/corpus");

// Answers as models write them.
export const answers = readFileSync(path.join(corpus, "answers.txt"), "utf8").split("\n=====\n");

// What a model may be made to write against its reader.
export const hostile = JSON.parse(readFileSync(path.join(corpus, "hostile.json"), "utf8")).map(
  ({ name, text, repeat = "", times = 0, end = "" }) => ({ name, text: text + repeat.repeat(times) + end }),
);

// Returns the address and what stops the server and removes its files.
async function serve() {
  const dist = mkdtempSync(path.join(tmpdir(), "hearth-answers-"));
  await build(dist);
  const server = createServer((request, response) => {
    const name = new URL(request.url, "http://localhost").pathname;
    const file = path.join(dist, name === "/" ? "index.html" : path.normalize(name));
    if (!existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, {
      "Content-Type": types[path.extname(file)] ?? "application/octet-stream",
      "Content-Security-Policy": contentPolicy,
    });
    response.end(readFileSync(file));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${server.address().port}/`,
    stop() {
      server.close();
      server.closeAllConnections();
      rmSync(dist, { recursive: true, force: true });
    },
  };
}

// The page of answers in a browser of its own. close() ends all.
export async function openAnswerPage(options = {}) {
  const { address, stop } = await serve();
  const browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox", "--disable-gpu"] });
  const page = await browser.newPage({ viewport: { width: 900, height: 800 }, ...options });
  await page.goto(address);
  await page.waitForFunction(() => "mountAnswer" in window);
  return {
    page,
    address,
    async close() {
      await browser.close();
      stop();
    },
  };
}
