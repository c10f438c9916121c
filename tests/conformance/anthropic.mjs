// The official `@anthropic-ai/sdk` package: messages, streams, counting, models, errors, abort; and a coding agent's
// requests as they are.
import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { Server, eventually, storyModel, synthesizedModel } from "./server.mjs";

const agentModel = "tiny-qwen3"; // its template knows tools
const agentModelFile = synthesizedModel(agentModel);
const server = await Server.start({ models: [storyModel, agentModelFile] });
const clientOf = ({ url }) => new Anthropic({ baseURL: url, apiKey: "none", maxRetries: 0, timeout: 240_000 });
const client = clientOf(server);
const model = "stories260K";
const messages = [{ role: "user", content: "Once upon a time" }];
const check = (name, run) => test(name, { timeout: 240_000 }, run);

check("creates a message", async () => {
  const reply = await client.messages.create({ model, messages, max_tokens: 20, seed: 1 });
  assert.match(reply.id, /^msg_/);
  assert.equal(reply.type, "message");
  assert.equal(reply.role, "assistant");
  assert.equal(reply.model, model);
  assert.deepEqual(reply.content.map((block) => block.type), ["text"]);
  assert.ok(reply.content[0].text.length > 0);
  assert.equal(reply.stop_reason, "max_tokens");
  assert.equal(reply.stop_sequence, null);
  assert.equal(reply.usage.output_tokens, 20);
  assert.ok(reply._request_id.startsWith("req_"));
});

check("counts what a message then uses", async () => {
  const request = { model, messages, system: "Tell a story." };
  const { input_tokens } = await client.messages.countTokens(request);
  const { usage } = await client.messages.create({ ...request, max_tokens: 1 });
  assert.equal(input_tokens, usage.input_tokens + usage.cache_read_input_tokens);
});

check("streams the same message", async () => {
  const request = { model, messages, max_tokens: 30, seed: 2 };
  const whole = await client.messages.create(request);
  const names = [];
  let text = "";
  const stream = client.messages.stream(request);
  stream.on("streamEvent", (event) => names.push(event.type));
  stream.on("text", (delta) => (text += delta));
  const reply = await stream.finalMessage();
  assert.equal(text, whole.content[0].text);
  assert.deepEqual(reply.content, whole.content);
  assert.equal(reply.stop_reason, "max_tokens");
  assert.equal(reply.usage.output_tokens, 30);
  assert.equal(
    reply.usage.input_tokens + reply.usage.cache_read_input_tokens,
    whole.usage.input_tokens + whole.usage.cache_read_input_tokens,
  );
  assert.deepEqual(
    names.filter((name, i) => name !== names[i - 1]),
    ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta",
      "message_stop"],
  );
});

check("names the stop sequence", async () => {
  const request = { model, messages, max_tokens: 12, temperature: 0 };
  const text = (await client.messages.create(request)).content[0].text;
  const stop = text.slice(4, 8);
  const reply = await client.messages.create({ ...request, stop_sequences: ["never", stop] });
  assert.equal(reply.stop_reason, "stop_sequence");
  assert.equal(reply.stop_sequence, stop);
  assert.equal(reply.content[0].text, text.slice(0, text.indexOf(stop)));
});

check("lists models and retrieves one", async () => {
  const ids = [];
  for await (const entry of client.models.list()) ids.push(entry.id);
  assert.deepEqual(ids.sort(), ["hearth-helper", model, agentModel]);
  const one = await client.models.retrieve(model);
  assert.equal(one.type, "model");
  assert.ok(!Number.isNaN(Date.parse(one.created_at)));
  await assert.rejects(client.models.retrieve("none"), Anthropic.NotFoundError);
});

check("errors have their class, type and request id", async () => {
  const fails = (request, kind, type) =>
    assert.rejects(
      client.messages.create({ model, messages, max_tokens: 5, ...request }),
      (error) =>
        error instanceof kind && error.error.type === "error" && error.type === type &&
        error.requestID === error.error.request_id,
    );
  await fails({ model: "none" }, Anthropic.NotFoundError, "not_found_error");
  await fails({ model: "none", stream: true }, Anthropic.NotFoundError, "not_found_error");
  await fails({ messages: [] }, Anthropic.BadRequestError, "invalid_request_error");
  await fails({ temperature: -1 }, Anthropic.BadRequestError, "invalid_request_error");
  const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "AA==" } };
  await fails({ messages: [{ role: "user", content: [image] }] }, Anthropic.BadRequestError, "invalid_request_error");
});

check("a prompt beyond the context is refused in the words agents look for", async () => {
  const content = "once upon a time ".repeat(300);
  for (const stream of [false, true]) {
    await assert.rejects(
      client.messages.create({ model, messages: [{ role: "user", content }], max_tokens: 5, stream }),
      (error) =>
        error instanceof Anthropic.BadRequestError && /prompt is too long: \d+ tokens > 511 maximum/.test(error.message),
    );
  }
});

// The access log has a line once a handler has let go of its generation; it counts tokens only where that came to
// its end.
const messageLines = async () => (await server.log()).split("\n").filter((line) => line.includes("/v1/messages "));

for (const stream of [false, true]) {
  check(`aborting frees the server, ${stream ? "streamed" : "in one piece"}`, async () => {
    const before = (await messageLines()).length;
    const controller = new AbortController();
    const endless = { model: agentModel, messages, max_tokens: 8000, ignore_eos: true, stream };
    const reply = client.messages.create(endless, { signal: controller.signal });
    if (stream) {
      for await (const event of await reply) {
        if (event.type === "content_block_delta") break;
      }
    } else {
      setTimeout(() => controller.abort(), 300);
      await assert.rejects(reply, Anthropic.APIUserAbortError);
    }
    await eventually(async () => (await messageLines()).length > before, "the generation has ended", 10_000);
    assert.doesNotMatch((await messageLines())[before], /tokens=/);
  });
}

// A coding agent's first and second turn: 40 tools, a system prompt of 20,000 tokens with a billing line that is new
// in every request, cache marks, beta headers, a tool result.
const tools = Array.from({ length: 40 }, (_, i) => ({
  name: `Tool${i}`,
  description: `Does the ${i}th thing. `.repeat(5),
  input_schema: {
    type: "object",
    properties: { path: { type: "string", description: "A file" }, depth: { type: "integer" } },
    required: ["path"],
    additionalProperties: false,
    $schema: "http://json-schema.org/draft-07/schema#",
  },
}));
tools.push({ type: "web_search_20250305", name: "web_search", max_uses: 8 });
const instructions = "You are an agent that edits files. Answer briefly and use the tools. ".repeat(400);

function agentRequest(turn) {
  const ephemeral = { cache_control: { type: "ephemeral" } };
  const history = [
    { role: "user", content: [
      { type: "text", text: "<system-reminder>The date is today.</system-reminder>" },
      { type: "text", text: "Read the file a.txt", ...ephemeral },
    ] },
    { role: "assistant", content: [
      { type: "thinking", thinking: "I read it.", signature: "hearth" },
      { type: "text", text: "I read it." },
      { type: "tool_use", id: "toolu_1", name: "Tool1", input: { path: "a.txt" } },
    ] },
    { role: "user", content: [
      { type: "tool_result", tool_use_id: "toolu_1", content: [{ type: "text", text: "1\thello" }] },
      { type: "text", text: "Go on.", ...ephemeral },
    ] },
  ];
  return {
    model: "claude-sonnet-4-5", // the only model that is served answers to it
    max_tokens: 8,
    system: [
      { type: "text", text: `x-anthropic-billing-header: cc_version=2.1.36; cc_entrypoint=cli; cch=${turn}abc;` },
      { type: "text", text: "You are a coding agent.", ...ephemeral },
      { type: "text", text: instructions, ...ephemeral },
    ],
    messages: history.slice(0, turn === 1 ? 1 : 3),
    tools,
    tool_choice: { type: "auto" },
    thinking: { type: "enabled", budget_tokens: 1024 },
    metadata: { user_id: "user_1" },
    context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] },
    betas: ["claude-code-20250219", "interleaved-thinking-2025-05-14", "context-management-2025-06-27"],
  };
}

check("a coding agent's turns", async () => {
  const client = clientOf(await Server.start({ models: [agentModelFile], options: ["--context", "32768"] }));
  const { max_tokens, ...counted } = agentRequest(1);
  const { input_tokens } = await client.beta.messages.countTokens(counted);
  assert.ok(input_tokens > 20_000, `${input_tokens} tokens`);
  const other = { ...counted, system: [{ ...counted.system[0], text: counted.system[0].text + " x" }, ...counted.system.slice(1)] };
  assert.equal((await client.beta.messages.countTokens(other)).input_tokens, input_tokens);
  for (const turn of [1, 2]) {
    const reply = await client.beta.messages.stream(agentRequest(turn)).finalMessage();
    assert.equal(reply.model, agentModel);
    assert.equal(reply.usage.output_tokens, max_tokens);
    assert.ok(reply.usage.input_tokens + reply.usage.cache_read_input_tokens >= input_tokens);
  }
});
