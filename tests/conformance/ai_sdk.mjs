// The AI SDK (`ai`) with its provider for OpenAI-compatible servers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, Output, embedMany, generateText, streamText } from "ai";
import { z } from "zod";
import { Server, eventually, storyModel, synthesizedModel } from "./server.mjs";

const server = await Server.start({
  models: [storyModel, synthesizedModel("tiny-llama"), synthesizedModel("tiny-nomic-bert")],
});
const provider = createOpenAICompatible({
  name: "hearth", baseURL: `${server.url}/v1`, includeUsage: true, supportsStructuredOutputs: true,
});
const model = provider("stories260K");
const prompt = "Once upon a time";
const check = (name, run) => test(name, { timeout: 120_000 }, run);

check("generates a text", async () => {
  const result = await generateText({ model, prompt, maxOutputTokens: 20, maxRetries: 0 });
  assert.ok(result.text.length > 0);
  assert.equal(result.finishReason, "length");
  assert.equal(result.usage.outputTokens, 20);
  assert.ok(result.usage.inputTokens > 0);
  assert.equal(result.response.modelId, "stories260K");
});

check("streams a text with its usage", async () => {
  const request = { model, maxOutputTokens: 20, temperature: 0, maxRetries: 0 };
  const messages = [{ role: "system", content: "Be brief." }, { role: "user", content: prompt }];
  const whole = await generateText({ ...request, messages });
  const result = streamText({ ...request, messages });
  let text = "";
  for await (const delta of result.textStream) text += delta;
  assert.equal(text, whole.text);
  assert.equal(await result.finishReason, "length");
  assert.equal((await result.usage).outputTokens, 20);
});

check("keeps to a schema", async () => {
  const person = z.object({ name: z.string().max(20), age: z.int().min(0).max(99) });
  const result = await generateText({
    model, prompt, output: Output.object({ schema: person }), maxOutputTokens: 200, maxRetries: 0,
  });
  person.parse(result.output);
});

check("embeds", async () => {
  const result = await embedMany({
    model: provider.embeddingModel("tiny-nomic-bert"), values: ["a cat", "a dog", "a house"], maxRetries: 0,
  });
  assert.equal(result.embeddings.length, 3);
  assert.ok(result.usage.tokens > 0);
});

check("completes a text", async () => {
  const result = await generateText({
    model: provider.completionModel("stories260K"), prompt, maxOutputTokens: 20, maxRetries: 0,
  });
  assert.ok(result.text.length > 0);
});

check("aborting frees the server", async () => {
  const lines = async () => (await server.log()).split("\n").filter((line) => line.includes("model=tiny-llama"));
  const controller = new AbortController();
  const result = streamText({
    model: provider("tiny-llama"), prompt, maxOutputTokens: 8000, maxRetries: 0, abortSignal: controller.signal,
    providerOptions: { hearth: { ignore_eos: true } },
  });
  let aborted = false;
  for await (const part of result.fullStream) {
    if (part.type === "text-delta") controller.abort();
    if (part.type === "abort") aborted = true;
  }
  assert.ok(aborted);
  await eventually(async () => (await lines()).length > 0, "the generation has ended", 5_000);
  assert.doesNotMatch((await lines())[0], /tokens=/);
});

check("errors carry the status and the message", async () => {
  await assert.rejects(
    generateText({ model: provider("gpt-none"), prompt, maxRetries: 0 }),
    (error) => APICallError.isInstance(error) && error.statusCode === 404 && /gpt-none/.test(error.message),
  );
  await assert.rejects(
    generateText({ model, prompt: "once upon a time ".repeat(300), maxRetries: 0 }),
    (error) => APICallError.isInstance(error) && error.statusCode === 400 && /512/.test(error.message),
  );
});
