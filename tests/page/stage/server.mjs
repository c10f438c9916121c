// The stage: a server that answers the page from made-up data, for pictures and checks of views that a tiny model
// could never fill. The page's own files come from a real server, so that headers and policies are the real ones.
//
//   node tests/page/stage/server.mjs --assets http://127.0.0.1:11434 --port 8090 [--empty] [--locked]
//
// --assets may also be a folder with a built page. --empty: the built-in model alone and no chat yet. --locked: asks for a key.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { pathToFileURL } from "node:url";

import { answerOf, chats, kRunning, messages, questionOf } from "./chats.mjs";
import { kBuiltIn, kFit, kModels, ps, show, tags } from "./models.mjs";
import { status } from "./status.mjs";

const kTypes = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
  ".webmanifest": "application/manifest+json",
};

// The server's policy, for a folder of files that no real server sends.
const kPolicy =
  "default-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; " +
  "font-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
  "require-trusted-types-for 'script'; trusted-types hearth svelte-trusted-html";

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

function json(response, value, code = 200) {
  response.writeHead(code, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

async function body(request) {
  let text = "";
  for await (const part of request) text += part;
  return text === "" ? {} : JSON.parse(text);
}

// A pull of two blobs at 45 MB/s, until the client goes.
async function pull(request, response, state) {
  const { model } = await body(request);
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  const line = (value) => response.write(`${JSON.stringify(value)}\n`);
  line({ status: "pulling manifest" });
  await pause(200);
  if (/nowhere|missing/.test(model)) {
    line({ error: `pull model manifest: registry.ollama.ai has no model '${model}'` });
    return response.end();
  }
  const known = kModels.find((item) => item.name === model) ?? {
    ...kModels[1],
    name: model,
    days: 0,
    memory: undefined,
  };
  const step = state.pullStep;
  for (const [digest, total] of [
    ["sha256:6a0746a1ec1a", known.size - 12_000],
    ["sha256:fcc5a6bec9da", 12_000],
  ]) {
    for (let completed = 0; ; completed = Math.min(total, completed + step)) {
      line({ status: `pulling ${digest.slice(7, 19)}`, digest, total, completed });
      if (completed >= total) break;
      await pause(200);
      if (response.destroyed) return;
    }
  }
  line({ status: "verifying sha256 digest" });
  await pause(200);
  line({ status: "writing manifest" });
  if (!state.models.some((item) => item.name === known.name)) state.models.push({ ...known, days: 0 });
  line({ status: "success" });
  response.end();
}

function events(response) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.write(": here\n\n");
}

async function asset(assets, path, request, response) {
  if (assets.startsWith("http")) {
    const reply = await fetch(new URL(path, assets), { headers: { accept: request.headers.accept ?? "*/*" } });
    const headers = Object.fromEntries(
      [...reply.headers].filter(
        ([name]) => !["content-encoding", "content-length", "transfer-encoding", "connection"].includes(name),
      ),
    );
    response.writeHead(reply.status, headers);
    return response.end(Buffer.from(await reply.arrayBuffer()));
  }
  const file = join(assets, normalize(path === "/" ? "/index.html" : path));
  try {
    const bytes = await readFile(file);
    response.writeHead(200, {
      "content-type": kTypes[extname(file)] ?? "application/octet-stream",
      "content-security-policy": kPolicy,
    });
    response.end(bytes);
  } catch {
    response.writeHead(404).end();
  }
}

// An answer that is written for as long as one looks at it.
async function writing(response, message) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  let id = 0;
  const event = (type, data) => response.write(`id: ${++id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
  event("snapshot", { message });
  event("state", { state: "writing" });
  for (const word of kRunning.split(/(?<= )/)) {
    event("text", { text: word });
    await pause(40);
    if (response.destroyed) return;
  }
}

// Starts the stage; `close()` ends it. `at`: seconds since the server's start that its counters show first; they go
// on by a second with every reply.
export async function stage({ assets, port = 0, empty = false, locked = false, at = 600, pullStep = 9_000_000 }) {
  const state = { models: empty ? [{ ...kBuiltIn }] : kModels.map((item) => ({ ...item })), pullStep, seconds: at };
  const find = (name) => state.models.find((item) => item.name === name);
  const missing = (response, name) => json(response, { error: `model '${name}' not found` }, 404);

  const routes = {
    "GET /api/version": (_, response) => json(response, { version: "0.32.9", hearth: "0.1.0" }),
    "GET /api/tags": (_, response) => json(response, tags(state.models)),
    "GET /api/ps": (_, response) => json(response, ps(state.models)),
    "POST /api/show": async (request, response) => {
      const { model } = await body(request);
      return find(model) ? json(response, show(find(model))) : missing(response, model);
    },
    "POST /api/pull": (request, response) => pull(request, response, state),
    "DELETE /api/delete": async (request, response) => {
      const { model } = await body(request);
      if (!find(model)) return missing(response, model);
      state.models = state.models.filter((item) => item.name !== model);
      json(response, {});
    },
    "POST /api/generate": async (request, response) => {
      const { model, keep_alive: keep } = await body(request);
      const item = find(model);
      if (!item) return missing(response, model);
      if (keep === 0) {
        delete item.memory;
      } else {
        await pause(600);
        item.memory ??= { weights: item.size / 1e9, cache: 1.2, scratch: 0.2 };
      }
      json(response, { model, done: true, done_reason: keep === 0 ? "unload" : "load", response: "" });
    },
    "GET /page/config": (_, response) =>
      json(response, { version: "0.1.0", default_model: state.models[0]?.name ?? null, needs_key: false }),
    "GET /page/session": (_, response) =>
      json(response, { needs_key: locked, signed_in: !locked, name: locked ? null : "", scopes: ["chat", "manage"] }),
    "GET /page/status": (_, response) =>
      json(response, status(state.models, ++state.seconds)),
    "GET /page/fit": (_, response) => json(response, kFit),
    "GET /page/presets": (_, response) => json(response, { presets: [] }),
    "POST /page/count": (_, response) => json(response, { prompt_tokens: 2310, context_length: 40960 }),
    "GET /page/events": (_, response) => events(response),
    "GET /page/chats": (_, response) => json(response, { chats: empty ? [] : chats(), next: null }),
    "GET /page/search": (_, response) =>
      json(response, {
        hits: [
          {
            chat: "c1",
            chat_title: "Why tides come twice a day",
            message: "m2",
            role: "assistant",
            created: Date.now() - 400_000,
            snippet: [
              { text: "a coast meets two high ", hit: false },
              { text: "tides", hit: true },
              { text: ". The stretching acceleration", hit: false },
            ],
          },
        ],
      }),
  };

  async function answer(request, response) {
    const path = new URL(request.url, "http://stage").pathname;
    const route = routes[`${request.method} ${path}`];
    if (route) return route(request, response);
    const written = /^\/page\/messages\/(\w+)\/events$/.exec(path);
    if (written) return writing(response, answerOf(written[1], "c1", "m5"));
    if (request.method === "POST" && /^\/page\/chats\/\w+\/messages$/.test(path)) {
      const { content, parent } = await body(request);
      const chat = path.split("/")[3];
      if (content.length > 2000)
        return json(
          response,
          {
            error: {
              code: "context_exceeded",
              message: "The prompt has 52310 tokens, the model sees 40960 at once. Nothing was stored.",
              detail: { prompt_tokens: 52310, context_length: 40960 },
            },
          },
          400,
        );
      const user = questionOf("m5", chat, parent, content);
      return json(response, { user, answer: answerOf("m6", chat, "m5") }, 201);
    }
    const chat = chats().find((item) => path === `/page/chats/${item.id}`);
    if (chat && request.method === "GET") return json(response, { chat, messages: messages(chat.id) });
    if (chat && request.method === "PATCH") return json(response, { ...chat, ...(await body(request)) });
    if (path.startsWith("/page/") || path.startsWith("/api/")) {
      return json(
        response,
        { error: { code: "not_found", message: `The stage has no ${request.method} ${path}.` } },
        404,
      );
    }
    return asset(assets, path, request, response);
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error) => {
      if (!response.headersSent) response.writeHead(500);
      response.end(String(error));
    });
  });
  await new Promise((done) => server.listen(port, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const option = (name, fallback) => {
    const at = process.argv.indexOf(`--${name}`);
    return at < 0 ? fallback : process.argv[at + 1];
  };
  const running = await stage({
    assets: option("assets", "http://127.0.0.1:11434"),
    port: Number(option("port", 8090)),
    empty: process.argv.includes("--empty"),
    locked: process.argv.includes("--locked"),
  });
  console.log(running.url);
}
