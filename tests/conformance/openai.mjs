// The official `openai` package: models, chat, completions, errors, abort.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { Server, eventually, storyModel, synthesizedModel } from "./server.mjs";

const server = await Server.start({ models: [storyModel, synthesizedModel("tiny-llama")] });
const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0, timeout: 60_000 });
const model = "stories260K";
const messages = [{ role: "user", content: "Once upon a time" }];
const check = (name, run) => test(name, { timeout: 120_000 }, run);

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

check("lists models and retrieves one", async () => {
  const ids = [];
  for await (const entry of client.models.list()) ids.push(entry.id);
  assert.deepEqual(ids.sort(), ["hearth-helper", model, "tiny-llama"]);
  const one = await client.models.retrieve(model);
  assert.equal(one.object, "model");
  assert.equal(typeof one.created, "number");
});

check("chats", async () => {
  const reply = await client.chat.completions.create({ model, messages, max_tokens: 20, seed: 1 });
  assert.match(reply.id, /^chatcmpl-/);
  assert.equal(reply.object, "chat.completion");
  assert.equal(reply.model, model);
  assert.equal(reply.choices.length, 1);
  assert.equal(reply.choices[0].finish_reason, "length");
  assert.equal(reply.choices[0].message.role, "assistant");
  assert.ok(reply.choices[0].message.content.length > 0);
  assert.equal(reply.usage.completion_tokens, 20);
  assert.equal(reply.usage.total_tokens, reply.usage.prompt_tokens + 20);
  const again = await client.chat.completions.create({ model, messages, max_completion_tokens: 20, seed: 1 });
  assert.equal(again.choices[0].message.content, reply.choices[0].message.content);
});

check("streams a chat", async () => {
  const request = { model, messages, max_tokens: 40, seed: 2 };
  const whole = await client.chat.completions.create(request);
  const chunks = await collect(
    await client.chat.completions.create({ ...request, stream: true, stream_options: { include_usage: true } }),
  );
  assert.equal(new Set(chunks.map((chunk) => `${chunk.id} ${chunk.created} ${chunk.model}`)).size, 1);
  assert.equal(chunks[0].choices[0].delta.role, "assistant");
  const texts = chunks.flatMap((chunk) => chunk.choices).map((choice) => choice.delta.content ?? "");
  assert.equal(texts.join(""), whole.choices[0].message.content);
  const last = chunks.pop();
  assert.deepEqual(last.choices, []);
  assert.deepEqual(last.usage.completion_tokens, 40);
  assert.equal(chunks.at(-1).choices[0].finish_reason, "length");
  assert.ok(chunks.every((chunk) => chunk.usage === null));
});

check("the stream helper builds the same reply", async () => {
  const stream = client.chat.completions.stream({ model, messages, max_tokens: 40, seed: 3 });
  let text = "";
  stream.on("content", (delta) => (text += delta));
  const reply = await stream.finalChatCompletion();
  assert.equal(reply.choices[0].message.content, text);
  assert.equal(reply.choices[0].finish_reason, "length");
});

check("stop strings, several choices, log-probabilities", async () => {
  const several = await client.chat.completions.create({ model, messages, max_tokens: 8, n: 3, seed: 4 });
  assert.deepEqual(several.choices.map((choice) => choice.index), [0, 1, 2]);
  assert.equal(several.usage.completion_tokens, 24);
  const scored = await client.chat.completions.create({
    model, messages, max_tokens: 8, temperature: 0, logprobs: true, top_logprobs: 2,
  });
  const tokens = scored.choices[0].logprobs.content;
  assert.equal(tokens.length, 8);
  assert.ok(tokens.every((token) => token.top_logprobs.length === 2 && token.logprob <= 0));
  assert.equal(tokens.map((token) => token.token).join(""), scored.choices[0].message.content);
  const text = scored.choices[0].message.content;
  const stopped = await client.chat.completions.create({
    model, messages, max_tokens: 8, temperature: 0, stop: [text.slice(3, 6)],
  });
  assert.equal(stopped.choices[0].finish_reason, "stop");
  assert.equal(stopped.choices[0].message.content, text.slice(0, text.indexOf(text.slice(3, 6))));
});

check("completes a text, streamed or not", async () => {
  const request = { model, prompt: "Once upon a time", max_tokens: 20, temperature: 0 };
  const whole = await client.completions.create(request);
  assert.match(whole.id, /^cmpl-/);
  assert.equal(whole.object, "text_completion");
  assert.equal(whole.choices[0].finish_reason, "length");
  const chunks = await collect(await client.completions.create({ ...request, stream: true }));
  assert.equal(chunks.map((chunk) => chunk.choices[0].text).join(""), whole.choices[0].text);
  const two = await client.completions.create({ ...request, prompt: ["Once upon a time", "The cat"], echo: true });
  assert.equal(two.choices[0].text, "Once upon a time" + whole.choices[0].text);
  assert.ok(two.choices[1].text.startsWith("The cat"));
});

check("gives the log-probabilities of a prompt, as evaluations ask for them", async () => {
  const prompt = "Once upon a time";
  const request = { model, temperature: 0, logprobs: 1 };
  const told = (await client.completions.create({ ...request, prompt, max_tokens: 12 })).choices[0];
  const ask = (prompt, max_tokens) =>
    client.completions.create({ ...request, prompt, max_tokens, echo: true }).then((reply) => reply.choices[0]);
  const scored = await ask(prompt + told.text, 0);
  assert.equal(scored.text, prompt + told.text);
  assert.deepEqual(scored.logprobs.token_logprobs.slice(-12), told.logprobs.token_logprobs);
  assert.deepEqual(scored.logprobs.top_logprobs.slice(-12), told.logprobs.top_logprobs);
  assert.equal((await ask(prompt, 12)).text, prompt + told.text);
  // Token ids stand for themselves: before the first of them there is nothing.
  const ids = await ask([403, 407, 261, 378], 1);
  assert.equal(ids.logprobs.token_logprobs.length, 5);
  assert.equal(ids.logprobs.token_logprobs[0], null);
  assert.ok(ids.logprobs.token_logprobs.slice(1).every((number) => number < 0));
  const begun = await ask([1, 403, 407], 0); // 1: a text begins
  assert.equal(begun.logprobs.token_logprobs.length, 3);
  assert.equal(begun.logprobs.token_logprobs[0], null);
});

check("keeps to a schema, streamed or not, and names what it cannot keep", async () => {
  const schema = {
    type: "object",
    properties: { name: { type: "string", maxLength: 20 }, age: { type: "integer", minimum: 0, maximum: 99 } },
    required: ["name", "age"],
    additionalProperties: false,
  };
  const request = {
    model, messages, max_tokens: 200, seed: 5,
    response_format: { type: "json_schema", json_schema: { name: "person", strict: true, schema } },
  };
  const whole = await client.chat.completions.parse(request);
  assert.equal(whole.choices[0].finish_reason, "stop");
  const { name, age } = whole.choices[0].message.parsed;
  assert.equal(typeof name, "string");
  assert.ok(Number.isInteger(age) && age >= 0 && age <= 99);
  const streamed = await client.chat.completions.stream(request).finalChatCompletion();
  assert.deepEqual(JSON.parse(streamed.choices[0].message.content), { name, age });
  const impossible = { type: "json_schema", json_schema: { name: "x", schema: { not: { type: "string" } } } };
  await assert.rejects(
    client.chat.completions.create({ ...request, response_format: impossible }),
    (error) => error instanceof OpenAI.BadRequestError && /"not"/.test(error.message),
  );
});

check("an unknown model is NotFoundError", async () => {
  const wrong = (error) => error instanceof OpenAI.NotFoundError && error.code === "model_not_found";
  await assert.rejects(client.chat.completions.create({ model: "gpt-none", messages }), wrong);
  await assert.rejects(client.chat.completions.create({ model: "gpt-none", messages, stream: true }), wrong);
  await assert.rejects(client.completions.create({ model: "gpt-none", prompt: "x" }), wrong);
  await assert.rejects(client.models.retrieve("gpt-none"), wrong);
});

check("a prompt beyond the context is 400 with its code and both numbers", async () => {
  const content = "once upon a time ".repeat(300);
  for (const stream of [false, true]) {
    await assert.rejects(
      client.chat.completions.create({ model, messages: [{ role: "user", content }], stream }),
      (error) =>
        error instanceof OpenAI.BadRequestError &&
        error.code === "context_length_exceeded" &&
        /\d{4} tokens/.test(error.message) &&
        /\b512\b/.test(error.message),
    );
  }
});

check("a wrong field is named", async () => {
  const wrong = (param) => (error) => error instanceof OpenAI.BadRequestError && error.param === param;
  await assert.rejects(client.chat.completions.create({ model, messages, temperature: -1 }), wrong("temperature"));
  await assert.rejects(client.chat.completions.create({ model, messages: [] }), wrong("messages"));
  await assert.rejects(
    client.chat.completions.create({ model, messages: [{ role: "king", content: "x" }] }),
    wrong("messages[0].role"),
  );
  await assert.rejects(client.get("/nowhere"), OpenAI.NotFoundError);
});

// What the access log has of chats. A line comes once a handler has let go of its generation; it counts tokens only
// where the generation came to its end.
const chatLines = async () => (await server.log()).split("\n").filter((line) => line.includes("/chat/completions"));
// Many seconds of generating, were it not interrupted.
const endless = { model: "tiny-llama", messages, max_tokens: 8000, ignore_eos: true };

async function expectCancelled(run) {
  const before = (await chatLines()).length;
  await run();
  await eventually(async () => (await chatLines()).length > before, "the generation has ended", 5_000);
  const line = (await chatLines())[before];
  assert.match(line, /model=tiny-llama/);
  assert.doesNotMatch(line, /tokens=/);
}

check("leaving a stream frees the server", () =>
  expectCancelled(async () => {
    const stream = await client.chat.completions.create({ ...endless, stream: true });
    let n = 0;
    for await (const chunk of stream) {
      if (chunk.choices[0].delta.content && ++n === 5) break;
    }
  }));

check("aborting a stream frees the server", () =>
  expectCancelled(async () => {
    const controller = new AbortController();
    const stream = await client.chat.completions.create({ ...endless, stream: true }, { signal: controller.signal });
    // The client ends an aborted stream without an error.
    for await (const chunk of stream) controller.abort();
  }));

check("aborting a reply in one piece frees the server", () =>
  expectCancelled(async () => {
    const controller = new AbortController();
    const reply = client.chat.completions.create(endless, { signal: controller.signal });
    setTimeout(() => controller.abort(), 800);
    await assert.rejects(reply, OpenAI.APIUserAbortError);
  }));
