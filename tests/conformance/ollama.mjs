// The official `ollama` package: listings, generate, chat, options, lifecycle, errors, abort.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { Ollama } from "ollama";
import { Server, eventually, storyModel, synthesizedModel } from "./server.mjs";

const server = await Server.start({ models: [storyModel, synthesizedModel("tiny-qwen3")] });
const client = new Ollama({ host: server.url });
const model = "stories260K";
const random_model = "tiny-qwen3";
const messages = [{ role: "user", content: "Once upon a time" }];
const check = (name, run) => test(name, { timeout: 120_000 }, run);

async function collect(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

check("says what it is", async () => {
  assert.equal(await (await fetch(server.url)).text(), "Ollama is running");
  assert.equal((await fetch(server.url, { method: "HEAD" })).status, 200);
  assert.match((await client.version()).version, /^\d+\.\d+\.\d+$/);
});

check("lists, shows and tells what is loaded", async () => {
  const { models } = await client.list();
  assert.deepEqual(models.map((entry) => entry.name).sort(), ["hearth-helper", model, random_model].sort());
  const entry = models.find((one) => one.name === model);
  assert.match(entry.digest, /^[0-9a-f]{64}$/);
  assert.equal(entry.details.format, "gguf");
  assert.ok(!Number.isNaN(Date.parse(entry.modified_at)));

  const shown = await client.show({ model });
  assert.deepEqual(shown.capabilities, ["completion"]);
  assert.equal(shown.model_info["general.architecture"], "llama");
  assert.equal(typeof shown.model_info["llama.context_length"], "number");
  assert.equal(shown.details.family, "llama");

  const running = await client.ps();
  assert.deepEqual(running.models.map((one) => one.name).sort(), [model, random_model].sort());
  assert.ok(running.models.every((one) => one.size > 0 && one.size_vram === 0));
});

check("makes models", async () => {
  const bytes = await readFile(storyModel);
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const blob = `${server.url}/api/blobs/${digest}`;
  assert.equal((await fetch(blob, { method: "HEAD" })).status, 404);
  assert.equal((await fetch(blob, { method: "POST", body: bytes })).status, 201);
  assert.equal((await fetch(blob, { method: "HEAD" })).status, 200);

  const steps = await collect(
    await client.create({
      model: "made",
      files: { "stories.gguf": digest },
      template: "{{ range .Messages }}{{ .Content }} {{ end }}",
      system: "Be brief.",
      parameters: { temperature: 0, stop: ["."] },
      stream: true,
    }),
  );
  assert.equal(steps.at(-1).status, "success");
  assert.equal((await client.create({ model: "again", from: "made" })).status, "success");
  const shown = await client.show({ model: "again" });
  assert.equal(shown.system, "Be brief.");
  assert.equal(shown.template, "{{ range .Messages }}{{ .Content }} {{ end }}");
  assert.match(shown.modelfile, /SYSTEM Be brief\./);
  const answer = await client.chat({ model: "again", messages, options: { num_predict: 40 } });
  assert.ok(answer.message.content.length > 0 && !answer.message.content.includes("."));
  await assert.rejects(client.create({ model: "none", from: "nobody" }), /nobody/);
});

check("generates in one piece and streamed", async () => {
  const request = { model, prompt: "Once upon a time", options: { num_predict: 20, seed: 1 } };
  const whole = await client.generate(request);
  assert.equal(whole.model, model);
  assert.equal(whole.done, true);
  assert.equal(whole.done_reason, "length");
  assert.ok(whole.response.length > 0);
  assert.equal(whole.eval_count, 20);
  assert.ok(whole.prompt_eval_count > 0);
  assert.ok(whole.total_duration > 0 && Number.isInteger(whole.eval_duration));
  assert.ok(whole.context.length > whole.prompt_eval_count);

  const parts = await collect(await client.generate({ ...request, stream: true }));
  assert.equal(parts.map((part) => part.response).join(""), whole.response);
  assert.ok(parts.slice(0, -1).every((part) => part.done === false));
  assert.equal(parts.at(-1).done_reason, "length");
  assert.equal(parts.at(-1).eval_count, 20);

  const next = await client.generate({ ...request, prompt: "And then", context: whole.context });
  assert.ok(next.prompt_eval_count > whole.context.length);
});

check("raw prompts, and templates and system texts of a request", async () => {
  const raw = await client.generate({
    model, prompt: "Once upon a time", raw: true, options: { num_predict: 60, temperature: 0 },
  });
  assert.match(raw.response, /^, there was a little girl named Lily/);
  assert.equal(raw.prompt_eval_count, 5);
  assert.equal(raw.context, undefined);
  const own = await client.generate({
    model, prompt: "Once upon a time", template: "{{ messages[-1].content }}",
    options: { num_predict: 60, temperature: 0 },
  });
  assert.equal(own.response, raw.response);
  const in_go = await client.generate({
    model, prompt: "Once upon a time", template: "{{ .Prompt }}", options: { num_predict: 60, temperature: 0 },
  });
  assert.equal(in_go.response, raw.response);
  await assert.rejects(client.generate({ model, prompt: "x", template: "{{ .Prompt" }), /line 1/);
  await assert.rejects(client.generate({ model, prompt: "x", raw: true, system: "y" }), /raw mode/);
});

check("chats in one piece and streamed", async () => {
  const request = { model, messages, options: { num_predict: 20, seed: 2 } };
  const whole = await client.chat(request);
  assert.equal(whole.message.role, "assistant");
  assert.equal(whole.done_reason, "length");
  assert.equal(whole.eval_count, 20);
  const parts = await collect(await client.chat({ ...request, stream: true }));
  assert.equal(parts.map((part) => part.message.content).join(""), whole.message.content);
  assert.ok(parts.every((part) => !Number.isNaN(Date.parse(part.created_at))));
});

check("stop strings and log-probabilities", async () => {
  const options = { num_predict: 40, temperature: 0 };
  const stopped = await client.generate({
    model, prompt: "Once upon a time", raw: true, options: { ...options, stop: ["Lily"] },
  });
  assert.equal(stopped.done_reason, "stop");
  assert.ok(stopped.response.endsWith("named "));
  const scored = await client.chat({ model, messages, options, logprobs: true, top_logprobs: 2 });
  assert.equal(scored.logprobs.length, 40);
  assert.ok(scored.logprobs.every((token) => token.logprob <= 0 && token.top_logprobs.length === 2));
});

check("names ignore case and the default tag", async () => {
  const reply = await client.chat({ model: "STORIES260k:latest", messages, options: { num_predict: 2 } });
  assert.equal(reply.model, "STORIES260k:latest");
});

check("errors have a status and a sentence", async () => {
  const failure = async (promise) => {
    try {
      await promise;
    } catch (error) {
      return error;
    }
    throw new Error("no error");
  };
  const missing = await failure(client.chat({ model: "nobody", messages }));
  assert.equal(missing.status_code, 404);
  assert.match(missing.message, /model 'nobody' not found/);
  const wrong = await failure(client.chat({ model, messages, options: { num_ctx: "many" } }));
  assert.equal(wrong.status_code, 400);
  assert.equal(wrong.message, 'option "num_ctx" must be of type integer');
  assert.match((await failure(client.chat({ model, messages, think: true }))).message, /does not support thinking/);
  const tools = [{ type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } }];
  assert.match((await failure(client.chat({ model, messages, tools }))).message, /does not support tools/);
  assert.match((await failure(client.generate({ model, prompt: "x", suffix: "y" }))).message, /suffix/);
  const image = { role: "user", content: "x", images: ["aGk="] };
  assert.match((await failure(client.chat({ model, messages: [image] }))).message, /images/);
});

check("a long chat loses its oldest turns, or is refused where that is not wanted", async () => {
  const long = [];
  for (let i = 0; i < 40; ++i) {
    long.push({ role: "user", content: "Tell me more about the girl" }, { role: "assistant", content: "She played." });
  }
  long.push(messages[0]);
  const request = { model, messages: long, options: { num_predict: 5 } };
  const reply = await client.chat(request);
  assert.ok(reply.dropped_messages > 0);
  assert.ok(reply.prompt_eval_count <= 512);
  const short = await client.chat({ ...request, options: { num_predict: 5, num_ctx: 128 } });
  assert.ok(short.dropped_messages > reply.dropped_messages);
  assert.ok(short.prompt_eval_count < 128);
  await assert.rejects(client.chat({ ...request, truncate: false }), /tokens/);
  // More than there is means all there is.
  const more = await client.chat({ model, messages, options: { num_predict: 5, num_ctx: 100_000 } });
  assert.equal(more.eval_count, 5);
});

check("models leave memory and come back", async () => {
  const loaded = async () => (await client.ps()).models.find((one) => one.name === model);
  assert.ok(Date.parse((await loaded()).expires_at) > Date.now() + 365 * 86_400_000);  // for good
  const gone = await client.generate({ model, prompt: "", keep_alive: 0 });
  assert.equal(gone.done_reason, "unload");
  await eventually(async () => !(await loaded()), "the model leaves");
  const back = await client.chat({ model, messages, options: { num_predict: 2 }, keep_alive: "10m" });
  assert.ok(back.load_duration > 0);
  const expires = Date.parse((await loaded()).expires_at) - Date.now();
  assert.ok(expires > 500_000 && expires <= 610_000, String(expires));
  const warm = await client.generate({ model, prompt: "", keep_alive: -1 });
  assert.equal(warm.done_reason, "load");
  assert.ok(Date.parse((await loaded()).expires_at) > Date.now() + 365 * 86_400_000);
});

check("an aborted stream stops", async () => {
  const own = new Ollama({ host: server.url });
  const stream = await own.chat({ model: random_model, messages, stream: true, options: { num_predict: -1 } });
  await assert.rejects(async () => {
    for await (const part of stream) {
      assert.equal(part.done, false);
      own.abort();
    }
  }, { name: "AbortError" });
});
