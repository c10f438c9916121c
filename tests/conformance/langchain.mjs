// LangChain's ChatOpenAI, OpenAI (completions) and OpenAIEmbeddings.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AIMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import { ChatOpenAI, OpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { z } from "zod";
import { Server, storyModel, synthesizedModel } from "./server.mjs";

const server = await Server.start({ models: [storyModel, synthesizedModel("tiny-nomic-bert")] });
const model = "stories260K";
const options = { model, apiKey: "none", maxRetries: 0, configuration: { baseURL: `${server.url}/v1` } };
const check = (name, run) => test(name, { timeout: 120_000 }, run);

check("invokes a chat", async () => {
  const chat = new ChatOpenAI({ ...options, maxTokens: 20, temperature: 0 });
  const reply = await chat.invoke([new SystemMessage("Be brief."), new HumanMessage("Once upon a time")]);
  assert.ok(reply instanceof AIMessage);
  assert.ok(reply.content.length > 0);
  assert.equal(reply.usage_metadata.output_tokens, 20);
  assert.equal(reply.response_metadata.finish_reason, "length");
});

check("streams a chat with its usage", async () => {
  const chat = new ChatOpenAI({ ...options, maxTokens: 20, temperature: 0, streamUsage: true });
  const whole = await chat.invoke("Once upon a time");
  let sum;
  let n = 0;
  for await (const chunk of await chat.stream("Once upon a time")) {
    sum = sum ? sum.concat(chunk) : chunk;
    ++n;
  }
  assert.ok(n > 3);
  assert.equal(sum.content, whole.content);
  assert.equal(sum.usage_metadata.output_tokens, 20);
});

check("batches", async () => {
  const chat = new ChatOpenAI({ ...options, maxTokens: 8 });
  const replies = await chat.batch(["one", "two", "three"].map((text) => [new HumanMessage(text)]));
  assert.equal(replies.length, 3);
});

check("speaks the Responses API", async () => {
  const chat = new ChatOpenAI({ ...options, maxTokens: 20, temperature: 0, useResponsesApi: true });
  const reply = await chat.invoke("Once upon a time");
  assert.ok(reply.text.length > 0);
  assert.match(reply.response_metadata.id, /^resp_/);
  let text = "";
  for await (const chunk of await chat.stream("Once upon a time")) text += chunk.text;
  assert.equal(text, reply.text);
});

check("keeps to a schema", async () => {
  const person = z.object({ name: z.string().max(20), age: z.int().min(0).max(99) });
  const chat = new ChatOpenAI({ ...options, maxTokens: 200 });
  const answer = await chat.withStructuredOutput(person, { name: "person", method: "jsonSchema" }).invoke("Tom");
  person.parse(answer);
});

check("embeds documents and queries", async () => {
  const embeddings = new OpenAIEmbeddings({ ...options, model: "tiny-nomic-bert" });
  const vectors = await embeddings.embedDocuments(["a cat", "a dog", "a house"]);
  assert.equal(vectors.length, 3);
  const query = await embeddings.embedQuery("a cat");
  assert.equal(query.length, vectors[0].length);
});

check("completes a text", async () => {
  const completion = new OpenAI({ ...options, maxTokens: 20, temperature: 0 });
  const whole = await completion.invoke("Once upon a time");
  let text = "";
  for await (const chunk of await completion.stream("Once upon a time")) text += chunk;
  assert.equal(text, whole);
});

check("an aborted stream ends", async () => {
  const chat = new ChatOpenAI({ ...options, maxTokens: 400 });
  const controller = new AbortController();
  await assert.rejects(async () => {
    for await (const _ of await chat.stream("Once upon a time", { signal: controller.signal })) controller.abort();
  });
});

check("an unknown model is an error that says so", async () => {
  const chat = new ChatOpenAI({ ...options, model: "gpt-none" });
  await assert.rejects(chat.invoke("x"), (error) => error.status === 404 && /gpt-none/.test(error.message));
});
