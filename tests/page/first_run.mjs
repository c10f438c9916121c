// A server before anybody has brought a model: the built-in one answers, and a first one is fetched from a registry.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after } from "node:test";
import { Server, storyModel } from "../conformance/server.mjs";
import { answered, answers, assertQuiet, composer, person, questions, step, tab } from "./browser.mjs";

// A registry with one model, as far as a pull needs one. Weights come slowly enough to be watched.
async function registry() {
  const digestOf = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const blobs = new Map();
  const layer = (type, bytes) => {
    blobs.set(digestOf(bytes), bytes);
    return { mediaType: `application/vnd.ollama.image.${type}`, digest: digestOf(bytes), size: bytes.length };
  };
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.docker.distribution.manifest.v2+json",
      config: {
        ...layer("config", Buffer.from('{"model_format":"gguf","model_family":"llama"}')),
        mediaType: "application/vnd.docker.container.image.v1+json",
      },
      layers: [layer("model", readFileSync(storyModel))],
    }),
  );
  const listener = createServer((request, response) => {
    if (request.url.endsWith("/manifests/latest")) {
      response.writeHead(200, { "content-type": "application/vnd.docker.distribution.manifest.v2+json" });
      return response.end(manifest);
    }
    const bytes = blobs.get(request.url.split("/").at(-1));
    if (!bytes) return response.writeHead(404).end();
    const [, from, to] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? "") ?? [];
    const begin = Number(from ?? 0);
    const end = to ? Number(to) + 1 : bytes.length;
    response.writeHead(from ? 206 : 200, {
      "content-length": end - begin,
      ...(from && { "content-range": `bytes ${begin}-${end - 1}/${bytes.length}` }),
    });
    if (request.method === "HEAD") return response.end();
    let at = begin;
    const next = () => {
      if (at >= end) return response.end();
      response.write(bytes.subarray(at, Math.min(end, (at += 1 << 16))));
      setTimeout(next, 100);
    };
    next();
  });
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  after(() => listener.close());
  return `127.0.0.1:${listener.address().port}`;
}

const host = await registry();
const server = await Server.start({ models: [] });
const context = await person(server.url);
const page = await tab(context);
const firstModel = () => page.getByRole("region", { name: "Get a first model" });

step("a card proposes a model for this machine, and the built-in one answers until then", async () => {
  await firstModel()
    .getByRole("button", { name: /^Download/ })
    .waitFor({ timeout: 60_000 });
  await page.getByRole("button", { name: "What is Hearth?" }).click();
  await composer(page).press("Enter");
  await answered(page);
  await page.getByText("Hearth is a private AI server").waitFor();
  await answers(page)
    .last()
    .getByText(/hearth-helper/)
    .first()
    .waitFor();
});

step("it is listed, and cannot be deleted", async () => {
  await page.getByRole("link", { name: "Models" }).click();
  const row = page.getByRole("article", { name: "hearth-helper" });
  await row.getByText("comes with Hearth").waitFor();
  assert.equal(await row.getByRole("button", { name: /^More/ }).count(), 0);
});

step("a model is fetched with progress", async () => {
  const field = page.getByRole("textbox", { name: /by its name/ });
  await field.fill(`${host}/tests/stories`);
  await field.press("Enter");
  const bar = page.getByRole("list", { name: "Downloads" }).getByRole("progressbar");
  await bar.waitFor();
  await page.waitForFunction(() => {
    const share = Number(document.querySelector('[role="progressbar"]')?.getAttribute("aria-valuenow"));
    return share > 0 && share < 100;
  });
  await page.getByRole("article", { name: /stories/ }).waitFor();
});

step("from then on it answers, and the card is gone", async () => {
  await page.getByRole("link", { name: "New chat" }).click();
  await composer(page).waitFor();
  await page.getByRole("button", { name: /stories/ }).waitFor();
  assert.equal(await firstModel().count(), 0);
  await composer(page).fill("Once upon a time");
  await composer(page).press("Enter");
  await questions(page).waitFor();
  await answered(page);
  const details = await fetch(new URL("/api/ps", server.url)).then((reply) => reply.json());
  assert.ok(details.models.some((model) => model.name.includes("stories")));
  assertQuiet(page);
});
