// The dialect on the wire, through a real server around a scripted service.
#include "api/ollama/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>

#include "api/json.h"
#include "api/testing/http_client.h"
#include "serving/text_model.h"

namespace hearth::api::ollama {
namespace {

using serving::FinishReason;
using serving::ReasoningDelta;
using serving::TokenWriter;
using serving::ToolCallDelta;
using testing::Client;
using testing::end_after;
using testing::FakeService;
using testing::get;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::post;
using testing::Reply;
using testing::RunningServer;
using testing::words;

constexpr const char* kChatBody = R"({"model":"tiny/llama:q4","messages":[{"role":"user","content":"hi"}]})";
constexpr const char* kWholeBody =
    R"({"model":"tiny/llama:q4","messages":[{"role":"user","content":"hi"}],"stream":false})";

// Times as T, the total duration as 0.
std::string normal(const std::string& text) {
  static const std::regex time(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z)");
  static const std::regex total(R"("total_duration":\d+)");
  return std::regex_replace(std::regex_replace(text, time, "T"), total, R"("total_duration":0)");
}

class OllamaRoutesTest : public ::testing::Test {
 protected:
  OllamaRoutesTest() {
    serving::ModelCapabilities& can = service_.models[0].capabilities;
    can.completion = can.chat = can.tools = can.thinking = true;
  }
  Reply ask(std::string_view path, std::string_view body) {
    RunningServer server(service_);
    return server.ask(post(path, body));
  }
  void expect_error(const Reply& reply, int status, const std::string& text) {
    EXPECT_EQ(reply.status, status);
    EXPECT_EQ(reply.header("Content-Type"), "application/json");
    const auto json = parse_json(reply.body);
    ASSERT_TRUE(json) << reply.body;
    ASSERT_TRUE((*json)["error"].is_string()) << reply.body;
    EXPECT_THAT((*json)["error"].get<std::string>(), HasSubstr(text));
  }

  FakeService service_;
};

const std::string kLine = R"({"model":"tiny/llama:q4","created_at":"T",)";
const std::string kEnd =
    R"("done":true,"done_reason":"stop","total_duration":0,"prompt_eval_count":3,"prompt_cached_count":1,"prompt_eval_duration":4000000,"eval_count":2,"eval_duration":8000000})";

TEST_F(OllamaRoutesTest, ChatStreamsLines) {
  const Reply reply = ask("/api/chat", kChatBody);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("Content-Type"), "application/x-ndjson");
  EXPECT_TRUE(reply.complete);
  EXPECT_EQ(normal(reply.body),
            kLine + R"("message":{"role":"assistant","content":"Hello"},"done":false})" + "\n" + kLine +
                R"("message":{"role":"assistant","content":", world"},"done":false})" + "\n" + kLine +
                R"("message":{"role":"assistant","content":""},)" + kEnd + "\n");
}

TEST_F(OllamaRoutesTest, ChatInOnePiece) {
  const Reply reply = ask("/api/chat", kWholeBody);
  EXPECT_EQ(reply.header("Content-Type"), "application/json");
  EXPECT_EQ(normal(reply.body), kLine + R"("message":{"role":"assistant","content":"Hello, world"},)" + kEnd);
}

TEST_F(OllamaRoutesTest, GenerateStreamsAndInOnePiece) {
  const Reply stream = ask("/api/generate", R"({"model":"tiny/llama:q4","prompt":"hi","raw":true})");
  EXPECT_EQ(normal(stream.body), kLine + R"("response":"Hello","done":false})" + "\n" + kLine +
                                     R"("response":", world","done":false})" + "\n" + kLine +
                                     R"("response":"",)" + kEnd + "\n");
  const Reply whole =
      ask("/api/generate", R"({"model":"tiny/llama:q4","prompt":"hi","raw":true,"stream":false})");
  EXPECT_EQ(normal(whole.body), kLine + R"("response":"Hello, world",)" + kEnd);
}

TEST_F(OllamaRoutesTest, GenerateReturnsTheConversationAsTokens) {
  const std::filesystem::path path = std::filesystem::path(HEARTH_TEST_DATA) / "models/stories260K.gguf";
  const auto file = gguf::ModelFile::open(path);
  ASSERT_TRUE(file);
  service_.text = *serving::TextModel::open(*file);
  const Reply reply = ask("/api/generate", R"({"model":"tiny/llama:q4","prompt":"hi","stream":false})");
  const auto json = parse_json(reply.body);
  ASSERT_TRUE(json);
  serving::ChatPrompt prompt;
  prompt.messages.emplace_back().role = "user";
  prompt.messages.back().content = "hi";
  auto expected = *service_.text->encode(prompt);
  const auto answer = service_.text->tokenizer().encode("Hello, world");
  expected.insert(expected.end(), answer.begin(), answer.end());
  EXPECT_EQ((*json)["context"].get<std::vector<int32_t>>(), expected);

  const Reply rendered =
      ask("/api/generate", R"({"model":"tiny/llama:q4","prompt":"hi","_debug_render_only":true})");
  EXPECT_THAT(rendered.body, HasSubstr(R"("_debug_info":{"rendered_template":)"));
  EXPECT_THAT(rendered.body, HasSubstr("user\\nhi"));
}

TEST_F(OllamaRoutesTest, ThinkingAndWholeCalls) {
  service_.play([](TokenWriter& writer) {
    writer.push(ReasoningDelta{"hm", {}});
    writer.push(words("Let me see."));
    writer.push(ToolCallDelta{0, "call_a", "get_weather", ""});
    writer.push(ToolCallDelta{0, "", "", R"({"city":)"});
    writer.push(ToolCallDelta{0, "", "", R"("Tokyo"})"});
    writer.push(ToolCallDelta{1, "call_b", "now", ""});
    writer.push(end_after(3, 9, FinishReason::kToolCalls));
  });
  const std::string calls[] = {
      R"({"id":"call_a","function":{"index":0,"name":"get_weather","arguments":{"city":"Tokyo"}}})",
      R"({"id":"call_b","function":{"index":1,"name":"now","arguments":{}}})"};
  const Reply stream = ask("/api/chat", kChatBody);
  EXPECT_THAT(
      normal(stream.body),
      ::testing::StartsWith(
          kLine + R"("message":{"role":"assistant","content":"","thinking":"hm"},"done":false})" + "\n" +
          kLine + R"("message":{"role":"assistant","content":"Let me see."},"done":false})" + "\n" + kLine +
          R"("message":{"role":"assistant","content":"","tool_calls":[)" + calls[0] + R"(]},"done":false})" +
          "\n" + kLine + R"("message":{"role":"assistant","content":"","tool_calls":[)" + calls[1] +
          R"(]},"done":false})" + "\n" + kLine +
          R"("message":{"role":"assistant","content":""},"done":true,"done_reason":"stop")"));
  const Reply whole = ask("/api/chat", kWholeBody);
  EXPECT_THAT(
      normal(whole.body),
      ::testing::StartsWith(
          kLine + R"("message":{"role":"assistant","content":"Let me see.","thinking":"hm","tool_calls":[)" +
          calls[0] + "," + calls[1] + R"(]},"done":true,"done_reason":"stop")"));
}

TEST_F(OllamaRoutesTest, ACallThatWasCutOffIsShownAsText) {
  service_.play([](TokenWriter& writer) {
    writer.push(ToolCallDelta{0, "call_a", "get_weather", R"({"city":"To)"});
    writer.push(end_after(3, 9, FinishReason::kLength));
  });
  for (const char* body : {kChatBody, kWholeBody}) {
    const Reply reply = ask("/api/chat", body);
    EXPECT_THAT(reply.body, HasSubstr(R"("content":"get_weather {\"city\":\"To")"));
    EXPECT_THAT(reply.body, HasSubstr(R"("done_reason":"length")"));
    EXPECT_THAT(reply.body, Not(HasSubstr("tool_calls")));
  }
}

TEST_F(OllamaRoutesTest, LogProbabilities) {
  service_.play([](TokenWriter& writer) {
    serving::TextDelta delta = words("x");
    delta.tokens.push_back({{"x", 5, -0.5f}, {{"x", 5, -0.5f}, {"y", 6, -1.0f}}});
    writer.push(std::move(delta));
    writer.push(end_after(1, 1));
  });
  const std::string list =
      R"("logprobs":[{"token":"x","logprob":-0.5,"bytes":[120],"top_logprobs":[{"token":"x","logprob":-0.5,"bytes":[120]},{"token":"y","logprob":-1.0,"bytes":[121]}]}])";
  const std::string asks = R"(,"logprobs":true,"top_logprobs":2})";
  const std::string stream = kChatBody, whole = kWholeBody;
  EXPECT_THAT(ask("/api/chat", stream.substr(0, stream.size() - 1) + asks).body, HasSubstr(list));
  EXPECT_THAT(ask("/api/chat", whole.substr(0, whole.size() - 1) + asks).body, HasSubstr(list));
  EXPECT_EQ(service_.requests()[0].top_logprobs, 2);
  EXPECT_THAT(ask("/api/chat", kChatBody).body, Not(HasSubstr("logprobs")));
}

TEST_F(OllamaRoutesTest, ReportsWhatWasDroppedAndHowLongTheLoadTook) {
  service_.play([](TokenWriter& writer) {
    serving::GenerationEnd end = end_after(3, 1, FinishReason::kLength);
    end.n_dropped_messages = 4;
    end.timings.load_ms = 1.5;
    writer.push(end);
  });
  const Reply whole = ask("/api/chat", kWholeBody);
  EXPECT_EQ(whole.header("X-Context-Truncated"), "4");
  EXPECT_THAT(whole.body, HasSubstr(R"("done_reason":"length")"));
  EXPECT_THAT(whole.body, HasSubstr(R"("load_duration":1500000)"));
  EXPECT_THAT(ask("/api/chat", kChatBody).body, HasSubstr(R"("dropped_messages":4})"));
}

TEST_F(OllamaRoutesTest, WithoutAPromptTheModelIsLoadedOrLetGo) {
  EXPECT_EQ(normal(ask("/api/generate", R"({"model":"tiny/llama:q4"})").body),
            kLine + R"("response":"","done":true,"done_reason":"load","load_duration":2000000})");
  EXPECT_EQ(
      normal(ask("/api/chat", R"({"model":"tiny/llama:q4","messages":[],"keep_alive":"10m"})").body),
      kLine +
          R"("message":{"role":"assistant","content":""},"done":true,"done_reason":"load","load_duration":2000000})");
  EXPECT_EQ(normal(ask("/api/generate", R"({"model":"tiny/llama:q4","keep_alive":0})").body),
            kLine + R"("response":"","done":true,"done_reason":"unload"})");
  EXPECT_THAT(service_.lifecycle(),
              ::testing::ElementsAre("preload tiny/llama:q4 -1", "preload tiny/llama:q4 600000",
                                     "unload tiny/llama:q4"));
  EXPECT_TRUE(service_.requests().empty());
}

TEST_F(OllamaRoutesTest, NamesIgnoreCaseAndTheDefaultTag) {
  service_.models[0].name = "Tiny:latest";
  const Reply reply = ask("/api/chat", R"({"model":"tiny","messages":[{"role":"user","content":"hi"}]})");
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.body, ::testing::StartsWith(R"({"model":"tiny",)"));  // as the client wrote it
  EXPECT_EQ(service_.requests()[0].model, "Tiny:latest");
  EXPECT_EQ(ask("/api/show", R"({"name":"TINY:LATEST"})").status, 200);
}

TEST_F(OllamaRoutesTest, ErrorsAreOneText) {
  expect_error(ask("/api/chat", ""), 400, "missing request body");
  expect_error(ask("/api/chat", R"({"model":"x","messages":[]})"), 404, "model 'x' not found");
  expect_error(ask("/api/show", R"({"model":"x"})"), 404, "model 'x' not found");
  expect_error(ask("/api/embed", R"({"model":"x","input":"a"})"), 404, "model 'x' not found");
  expect_error(ask("/api/generate", R"({"options":{"num_ctx":"x"}})"), 400, "option \"num_ctx\" must be");
  service_.refuse({ErrorCategory::kContextExceeded, "the prompt has 5 tokens, the context holds 4"});
  expect_error(ask("/api/chat", kChatBody), 400, "5 tokens");
  for (const auto& [category, status] :
       {std::pair(ErrorCategory::kQueueFull, 429), std::pair(ErrorCategory::kOverloaded, 503)}) {
    service_.refuse({category, "later"});
    const Reply busy = ask("/api/chat", kChatBody);
    expect_error(busy, status, "later");
    EXPECT_EQ(busy.header("Retry-After"), "1");
  }
}

TEST_F(OllamaRoutesTest, WhatAModelCannotDoIsSaid) {
  const std::string think = R"({"messages":[{"role":"user","content":"hi"}],"think":true})";
  const std::string tools =
      R"({"messages":[{"role":"user","content":"hi"}],"tools":[{"function":{"name":"f"}}]})";
  EXPECT_EQ(ask("/api/chat", think).status, 200);
  EXPECT_EQ(ask("/api/chat", tools).status, 200);
  service_.models[0].capabilities.thinking = service_.models[0].capabilities.tools = false;
  expect_error(ask("/api/chat", think), 400, "\"tiny/llama:q4\" does not support thinking");
  expect_error(ask("/api/chat", tools), 400, "\"tiny/llama:q4\" does not support tools");
  EXPECT_EQ(ask("/api/chat", R"({"messages":[{"role":"user","content":"hi"}],"think":false})").status, 200);
  service_.models[0].capabilities.completion = false;
  expect_error(ask("/api/chat", kChatBody), 400, "does not support chat");
  expect_error(ask("/api/generate", R"({"prompt":"x"})"), 400, "does not support generate");
}

TEST_F(OllamaRoutesTest, AFailureOnTheWayIsTheLastLine) {
  service_.play([](TokenWriter& writer) {
    writer.push(words("Hel"));
    writer.push(Error{ErrorCategory::kIo, "the disk is gone"});
  });
  const Reply stream = ask("/api/chat", kChatBody);
  EXPECT_EQ(stream.status, 200);
  EXPECT_THAT(stream.body, ::testing::EndsWith("{\"error\":\"the disk is gone\"}\n"));
  expect_error(ask("/api/chat", kWholeBody), 500, "the disk is gone");

  service_.play([](TokenWriter& writer) { writer.push(Error{ErrorCategory::kCorrupt, "torn"}); });
  expect_error(ask("/api/chat", kChatBody), 422, "torn");
}

TEST_F(OllamaRoutesTest, LeavingCancels) {
  service_.play([](TokenWriter& writer) { writer.push(words("x")); });
  RunningServer server(service_);
  size_t n_begun = 0;
  for (const char* body : {kChatBody, kWholeBody}) {
    Client client = server.connect();
    client.send(post("/api/chat", body));
    ASSERT_TRUE(service_.wait_for_generations(++n_begun, 5000));
    client.reset();
  }
  EXPECT_TRUE(service_.wait_for_cancellations(2, 5000));
}

TEST_F(OllamaRoutesTest, ASilentStreamGetsEmptyPieces) {
  service_.play([](TokenWriter&) {});
  RunningServer server(service_, {}, 10);
  Client client = server.connect();
  client.send(post("/api/chat", kChatBody));
  EXPECT_THAT(normal(client.receive_until("\"done\":false}")),
              HasSubstr(R"("message":{"role":"assistant","content":""},"done":false})"));
}

TEST_F(OllamaRoutesTest, Embeddings) {
  service_.play([](TokenWriter& writer) {
    writer.push(serving::Embedding{1, {0.0f, 3.0f, 4.0f}});
    writer.push(serving::Embedding{0, {1.0f, 0.0f, 0.0f}});
    writer.push(end_after(7, 0));
  });
  const Reply reply = ask("/api/embed", R"({"model":"tiny/llama:q4","input":["a","b"]})");
  EXPECT_EQ(
      normal(reply.body),
      R"({"model":"tiny/llama:q4","embeddings":[[1.0,0.0,0.0],[0.0,3.0,4.0]],"total_duration":0,"load_duration":0,"prompt_eval_count":7})");
  EXPECT_THAT(ask("/api/embed", R"({"input":["a","b"],"dimensions":2})").body,
              HasSubstr(R"("embeddings":[[1.0,0.0],[0.0,1.0]])"));
  EXPECT_EQ(ask("/api/embeddings", R"({"prompt":"a"})").body, R"({"embedding":[1.0,0.0,0.0]})");
  EXPECT_FALSE(service_.embedding_requests().back().normalise);

  EXPECT_THAT(ask("/api/embed", R"({"model":"tiny/llama:q4","input":[]})").body,
              HasSubstr(R"("embeddings":[],)"));
  EXPECT_EQ(ask("/api/embeddings", R"({"prompt":""})").body, R"({"embedding":[]})");
  EXPECT_EQ(service_.lifecycle().size(), 2u);
}

TEST_F(OllamaRoutesTest, Tags) {
  serving::ModelSummary newer = service_.models[0];
  newer.name = "newer";
  newer.n_parameters = 7'615'616'512;
  newer.modified_unix_seconds += 1;
  service_.models.push_back(newer);
  RunningServer server(service_);
  const Reply reply = server.ask(get("/api/tags"));
  const auto json = parse_json(reply.body);
  ASSERT_TRUE(json);
  const Json& models = (*json)["models"];
  ASSERT_EQ(models.size(), 2u);
  EXPECT_EQ(models[0]["name"], "newer");
  EXPECT_EQ(models[0]["details"]["parameter_size"], "7.6B");
  EXPECT_EQ(models[1]["model"], "tiny/llama:q4");
  EXPECT_EQ(models[1]["size"], 1000);
  EXPECT_EQ(models[1]["modified_at"], "2025-08-21T23:46:40Z");
  EXPECT_EQ(
      dump(models[1]["details"]),
      R"({"parent_model":"","format":"gguf","family":"llama","families":["llama"],"parameter_size":"2.0K","quantization_level":"Q4_K","context_length":4096})");
  EXPECT_EQ(dump(models[1]["capabilities"]), R"(["completion","tools","thinking"])");
  const auto digest = models[1]["digest"].get<std::string>();
  EXPECT_EQ(digest.size(), 64u);
  EXPECT_EQ(digest.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_NE(models[0]["digest"], models[1]["digest"]);

  Client client = server.connect();
  client.send("HEAD /api/tags HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(client.receive(true).status, 200);
}

TEST_F(OllamaRoutesTest, Ps) {
  serving::LoadedModelState& state = service_.loaded.emplace_back();
  state.summary = service_.models[0];
  state.memory = {.weight_bytes = 1000, .kv_full_bytes = 150, .prefix_bytes = 50, .activation_bytes = 30};
  state.expires_unix_seconds = 1'755'820'000;
  service_.loaded.push_back(state);
  service_.loaded[1].expires_unix_seconds.reset();
  service_.memory_use = {.budget_bytes = 5000, .planned_bytes = 2460};
  RunningServer server(service_);
  const auto json = parse_json(server.ask(get("/api/ps")).body);
  ASSERT_TRUE(json);
  const Json& models = (*json)["models"];
  EXPECT_EQ(models[0]["name"], "tiny/llama:q4");
  EXPECT_EQ(models[0]["size"], 1230);
  EXPECT_EQ(models[0]["size_vram"], 0);
  EXPECT_EQ(models[0]["expires_at"], "2025-08-21T23:46:40Z");
  EXPECT_EQ(models[0]["context_length"], 4096);
  EXPECT_EQ(models[0]["memory"]["prefix_bytes"], 50);
  EXPECT_EQ(models[1]["expires_at"], "2318-01-01T00:00:00Z");
  EXPECT_EQ((*json)["memory"]["budget_bytes"], 5000);
  EXPECT_EQ((*json)["memory"]["planned_bytes"], 2460);
}

TEST_F(OllamaRoutesTest, Show) {
  service_.details.summary = service_.models[0];
  service_.details.card.license = "MIT";
  service_.details.card.parameters = 2000;
  service_.details.card.has_sampling = true;
  service_.details.card.sampling.temperature = 0.6f;
  service_.details.card.capabilities.completion = true;
  service_.details.chat_template = "{{ messages }}";
  service_.details.metadata = text::Value::map({{"general.architecture", "llama"},
                                                {"llama.context_length", int64_t{4096}},
                                                {"tokenizer.ggml.tokens", text::Value()},
                                                {"tokenizer.chat_template", "{{ messages }}"}});
  const auto json = parse_json(ask("/api/show", R"({"model":"tiny/llama:q4"})").body);
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["template"], "{{ messages }}");
  EXPECT_EQ((*json)["license"], "MIT");
  EXPECT_EQ(dump((*json)["capabilities"]), R"(["completion"])");
  EXPECT_EQ(
      dump((*json)["model_info"]),
      R"({"general.architecture":"llama","llama.context_length":4096,"tokenizer.ggml.tokens":null,"general.parameter_count":2000})");
  EXPECT_THAT((*json)["parameters"].get<std::string>(), HasSubstr("temperature                    0.6\n"));
  EXPECT_EQ((*json)["details"]["family"], "llama");
}

TEST_F(OllamaRoutesTest, FixedAnswers) {
  RunningServer server(service_);
  EXPECT_EQ(server.ask(get("/api/version")).body, R"({"version":"0.32.9","hearth":"1.2.3"})");
  EXPECT_EQ(server.ask(get("/")).body, "Ollama is running");
  EXPECT_THAT(server.ask(get("/", "Accept: text/html\r\n")).body, HasSubstr("Hearth is running"));
  EXPECT_THAT(server.ask(get("/api/status")).body, HasSubstr(R"("disabled":true)"));
  EXPECT_EQ(server.ask(post("/api/me", "")).status, 401);
  EXPECT_EQ(server.ask(post("/api/signout", "")).status, 200);
  EXPECT_EQ(server.ask(post("/api/experimental/web_search", "{}")).status, 501);
  EXPECT_EQ(server.ask(get("/api/experimental/model-recommendations")).body, R"({"recommendations":[]})");
  EXPECT_EQ(server.ask(get("/api/chat")).status, 405);
}

}  // namespace
}  // namespace hearth::api::ollama
