// The official `openai` package's embeddings, which come in base64 when nobody asks for anything else; and, with plain
// requests, the routes that it has no names for: ranking, and llama-server's own.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { Server, storyModel, synthesizedModel } from "./server.mjs";

const server = await Server.start({
  models: [storyModel, synthesizedModel("tiny-nomic-bert", { context: 512 }),
           synthesizedModel("tiny-reranker", { context: 512 })],
});
const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0, timeout: 60_000 });
const model = "tiny-nomic-bert";
const check = (name, run) => test(name, { timeout: 120_000 }, run);

async function post(path, body) {
  const reply = await fetch(server.url + path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  return { status: reply.status, body: await reply.json() };
}

const length = (vector) => Math.hypot(...vector);
const cosine = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0) / length(a) / length(b);

check("embeds by default, in floats and in base64 alike", async () => {
  const input = ["the cat sat on the mat", "the sea"];
  const byDefault = await client.embeddings.create({ model, input });
  assert.equal(byDefault.object, "list");
  assert.equal(byDefault.model, model);
  assert.deepEqual(byDefault.data.map((entry) => entry.index), [0, 1]);
  assert.ok(byDefault.usage.prompt_tokens > 4);
  assert.equal(byDefault.usage.total_tokens, byDefault.usage.prompt_tokens);
  const floats = await client.embeddings.create({ model, input, encoding_format: "float" });
  for (const i of [0, 1]) {
    const vector = byDefault.data[i].embedding;
    assert.equal(vector.length, 128);
    assert.ok(Math.abs(length(vector) - 1) < 1e-5);
    assert.ok(floats.data[i].embedding.every((value, j) => Math.abs(value - vector[j]) < 1e-6));
  }
  const raw = await client.embeddings.create({ model, input, encoding_format: "base64" });
  assert.equal(typeof raw.data[0].embedding, "string");
});

check("fewer dimensions are a cut of unit length", async () => {
  const whole = (await client.embeddings.create({ model, input: "the cat" })).data[0].embedding;
  const cut = (await client.embeddings.create({ model, input: "the cat", dimensions: 32 })).data[0].embedding;
  assert.equal(cut.length, 32);
  assert.ok(Math.abs(length(cut) - 1) < 1e-5);
  assert.ok(cosine(cut, whole.slice(0, 32)) > 0.99999);
});

check("token ids, and models that generate", async () => {
  const tokens = (await post("/tokenize", { model: "stories260K", content: "Once upon", add_special: true })).body.tokens;
  const byTokens = await client.embeddings.create({ model: "stories260K", input: [tokens] });
  const byText = await client.embeddings.create({ model: "stories260K", input: "Once upon" });
  assert.deepEqual(byTokens.data[0].embedding, byText.data[0].embedding);
  assert.equal(byTokens.usage.prompt_tokens, tokens.length);
});

check("many inputs at once give what each gives alone", async () => {
  const input = Array.from({ length: 200 }, (_, i) => "the cat sat ".repeat(1 + (i % 17)));
  const all = await client.embeddings.create({ model, input });
  assert.deepEqual(all.data.map((entry) => entry.index), input.map((_, i) => i));
  for (const i of [0, 16, 99]) {
    const one = await client.embeddings.create({ model, input: input[i] });
    assert.deepEqual(all.data[i].embedding, one.data[0].embedding);
  }
});

check("what does not fit is 400 with the input's number and both lengths", async () => {
  await assert.rejects(
    client.embeddings.create({ model, input: ["the cat", "the cat ".repeat(600)] }),
    (error) =>
      error instanceof OpenAI.BadRequestError &&
      error.code === "context_length_exceeded" &&
      /input\[1\] has \d+ tokens/.test(error.message) &&
      /\b512\b/.test(error.message),
  );
  const cut = await client.embeddings.create({ model, input: "the cat ".repeat(600), truncate: true });
  assert.equal(cut.usage.prompt_tokens, 512);
});

check("errors have their classes", async () => {
  await assert.rejects(client.embeddings.create({ model: "none", input: "x" }), OpenAI.NotFoundError);
  await assert.rejects(client.embeddings.create({ model, input: "" }), OpenAI.BadRequestError);
  await assert.rejects(client.embeddings.create({ model, input: [] }), OpenAI.BadRequestError);
  await assert.rejects(
    client.chat.completions.create({ model, messages: [{ role: "user", content: "x" }] }),
    (error) => error.status === 501,
  );
});

check("ranks with a reranker and by the cosine", async () => {
  const documents = ["the mat", "the cat sat", "looked at the sea"];
  for (const ranker of ["tiny-reranker", model]) {
    const { status, body } = await post("/v1/rerank", { model: ranker, query: "the cat sat", documents });
    assert.equal(status, 200);
    assert.deepEqual(body.results.map((result) => result.index).sort(), [0, 1, 2]);
    const scores = body.results.map((result) => result.relevance_score);
    assert.ok(scores.every((score, i) => score >= 0 && score <= 1.00001 && (i === 0 || score <= scores[i - 1])));
  }
  const best = await post("/v1/rerank", { model, query: "the cat sat", documents, top_n: 1, return_documents: true });
  assert.deepEqual(best.body.results.map((result) => result.document.text), ["the cat sat"]);
  const bare = await post("/rerank", { model, query: "the cat sat", texts: documents });
  assert.equal(bare.body.length, 3);
  assert.equal((await post("/v1/rerank", { model, query: "x", documents: [] })).status, 400);
});

check("native completions agree with OpenAI's", async () => {
  const prompt = "Once upon a time";
  const native = await post("/completion", { model: "stories260K", prompt, n_predict: 12, temperature: 0, return_tokens: true });
  assert.equal(native.status, 200);
  const reply = await client.completions.create({ model: "stories260K", prompt, max_tokens: 12, temperature: 0 });
  assert.equal(native.body.content, reply.choices[0].text);
  assert.equal(native.body.stop_type, "limit");
  assert.equal(native.body.tokens.length, 12);
  const text = await post("/detokenize", { model: "stories260K", tokens: native.body.tokens });
  assert.equal(text.body.content.trim(), native.body.content.trim());
  const infill = await post("/infill", { model: "stories260K", input_prefix: "a", input_suffix: "b" });
  assert.equal(infill.status, 501);
  const props = await (await fetch(`${server.url}/props?model=stories260K`)).json();
  assert.equal(props.default_generation_settings.n_ctx, 512);
});
