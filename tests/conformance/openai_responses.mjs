// The official `openai` package on the Responses API: answers, streams, conversations that the server keeps.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import { Server, eventually, storyModel, synthesizedModel } from "./server.mjs";

const server = await Server.start({ models: [storyModel, synthesizedModel("tiny-llama")] });
const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0, timeout: 60_000 });
const model = "stories260K";
const input = "Once upon a time";
const check = (name, run) => test(name, { timeout: 120_000 }, run);

async function collect(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

check("answers", async () => {
  const response = await client.responses.create({ model, input, max_output_tokens: 20, metadata: { a: "b" } });
  assert.match(response.id, /^resp_/);
  assert.equal(response.status, "incomplete");
  assert.equal(response.incomplete_details.reason, "max_output_tokens");
  assert.ok(response.output_text.length > 0);
  assert.equal(response.output[0].role, "assistant");
  assert.equal(response.usage.output_tokens, 20);
  assert.equal(response.usage.total_tokens, response.usage.input_tokens + 20);
  assert.deepEqual(response.metadata, { a: "b" });
});

check("streams typed events", async () => {
  const request = { model, input, max_output_tokens: 20, temperature: 0 };
  const whole = await client.responses.create(request);
  const events = await collect(await client.responses.create({ ...request, stream: true }));
  assert.deepEqual(events.map((event) => event.sequence_number), [...events.keys()]);
  assert.equal(events[0].type, "response.created");
  assert.equal(events[1].type, "response.in_progress");
  assert.equal(events.at(-1).type, "response.incomplete");
  const deltas = events.filter((event) => event.type === "response.output_text.delta");
  assert.ok(deltas.length > 1);
  assert.equal(deltas.map((event) => event.delta).join(""), whole.output_text);
  const item = events.find((event) => event.type === "response.output_item.done").item;
  assert.deepEqual(events.at(-1).response.output, [item]);
});

check("the stream helper builds the same response", async () => {
  const stream = client.responses.stream({ model, input, max_output_tokens: 20 });
  let text = "";
  stream.on("response.output_text.delta", (event) => (text += event.delta));
  const response = await stream.finalResponse();
  assert.ok(text.length > 0);
  assert.equal(response.output_text, text);
});

check("goes on from an earlier response", async () => {
  const first = await client.responses.create({ model, input: "Tom had a dog.", max_output_tokens: 5 });
  const second = await client.responses.create({
    model, input: "It was big.", previous_response_id: first.id, max_output_tokens: 5,
  });
  assert.equal(second.previous_response_id, first.id);
  const alone = await client.responses.inputTokens.count({ model, input: "It was big." });
  assert.ok(second.usage.input_tokens > alone.input_tokens, "the first turn is part of the prompt");
  const together = await client.responses.inputTokens.count({
    model, input: "It was big.", previous_response_id: first.id,
  });
  assert.equal(together.input_tokens, second.usage.input_tokens);
  await assert.rejects(
    client.responses.create({ model, input, previous_response_id: "resp_none" }),
    (error) => error instanceof OpenAI.BadRequestError && error.code === "previous_response_not_found",
  );
});

check("parses what a schema asks for", async () => {
  const person = z.object({ name: z.string().max(20), age: z.int().min(0).max(99) });
  const response = await client.responses.parse({
    model, input, text: { format: zodTextFormat(person, "person") }, max_output_tokens: 200,
  });
  assert.equal(response.status, "completed");
  assert.deepEqual(person.parse(response.output_parsed), JSON.parse(response.output_text));
});

check("keeps, lists and deletes what was answered", async () => {
  const response = await client.responses.create({
    model, input: [{ role: "user", content: "one" }, { role: "user", content: "two" }], max_output_tokens: 5,
  });
  const kept = await client.responses.retrieve(response.id);
  assert.equal(kept.output_text, response.output_text);
  const items = [];
  for await (const item of client.responses.inputItems.list(response.id, { limit: 1 })) items.push(item.content[0].text);
  assert.deepEqual(items, ["two", "one"]);
  await assert.rejects(client.responses.cancel(response.id), OpenAI.BadRequestError);
  await client.responses.delete(response.id);
  await assert.rejects(client.responses.retrieve(response.id), OpenAI.NotFoundError);
  const unkept = await client.responses.create({ model, input, store: false, max_output_tokens: 5 });
  await assert.rejects(client.responses.retrieve(unkept.id), OpenAI.NotFoundError);
});

check("errors have their class, code and field", async () => {
  const wrong = (kind, values) => (error) =>
    error instanceof kind && Object.entries(values).every(([name, value]) => error[name] === value);
  for (const stream of [false, true]) {
    await assert.rejects(
      client.responses.create({ model: "gpt-none", input, stream }),
      wrong(OpenAI.NotFoundError, { code: "model_not_found" }),
    );
    await assert.rejects(
      client.responses.create({ model, input: "once upon a time ".repeat(300), stream }),
      wrong(OpenAI.BadRequestError, { code: "context_length_exceeded", param: "input" }),
    );
  }
  await assert.rejects(
    client.responses.create({ model, input: [{ role: "king", content: "x" }] }),
    wrong(OpenAI.BadRequestError, { param: "input[0].role" }),
  );
});

check("truncates where it is asked to, and says so", async () => {
  const turn = { role: "user", content: "once upon a time ".repeat(40) };
  const response = await client.responses.create({
    model, input: [turn, turn, turn, { role: "user", content: "The end." }], truncation: "auto", max_output_tokens: 5,
  });
  assert.ok(response.truncated_messages > 0);
  assert.ok(response.usage.input_tokens < 512);
});

check("leaving a stream frees the server", async () => {
  const lines = async () => (await server.log()).split("\n").filter((line) => line.includes("POST /v1/responses "));
  const before = (await lines()).length;
  const stream = await client.responses.create({
    model: "tiny-llama", input, max_output_tokens: 8000, ignore_eos: true, stream: true,
  });
  for await (const event of stream) {
    if (event.type === "response.output_text.delta") break;
  }
  await eventually(async () => (await lines()).length > before, "the generation has ended", 5_000);
  assert.doesNotMatch((await lines())[before], /tokens=/);
});
