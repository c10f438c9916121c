#include "api/anthropic/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/testing/http_client.h"
#include "gguf/model_file.h"
#include "serving/text_model.h"

namespace hearth::api::anthropic {
namespace {

using serving::FinishReason;
using serving::PromptProgress;
using serving::ReasoningDelta;
using serving::TokenWriter;
using serving::ToolCallDelta;
using testing::Client;
using testing::end_after;
using testing::FakeService;
using testing::get;
using ::testing::HasSubstr;
using testing::post;
using testing::Reply;
using testing::RunningServer;
using ::testing::StartsWith;
using testing::words;

constexpr const char* kBody = R"({"max_tokens":9,"messages":[{"role":"user","content":"hi"}]})";
constexpr const char* kStreamBody =
    R"({"max_tokens":9,"messages":[{"role":"user","content":"hi"}],"stream":true})";
constexpr const char* kVersion = "anthropic-version: 2023-06-01\r\n";

// Replaces what differs between runs.
std::string normal(std::string text) {
  for (const std::string prefix : {"\"id\":\"msg_", "\"request_id\":\"req_"}) {
    for (size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at + 1)) {
      const size_t begin = at + prefix.size();
      text.replace(begin, text.find('"', begin) - begin, "X");
    }
  }
  return text;
}

// The events of a stream, without times: "NAME DATA" each.
std::vector<std::string> events(const std::string& body) {
  std::vector<std::string> result;
  for (size_t at = 0; at < body.size();) {
    const size_t end = std::min(body.find("\n\n", at), body.size());
    std::string event = body.substr(at, end - at);
    if (event.starts_with("event: ")) event.erase(0, 7);
    if (const size_t data = event.find("\ndata: "); data != std::string::npos) event.replace(data, 7, " ");
    if (const size_t times = event.find(",\"timings\""); times != std::string::npos)
      event = event.substr(0, times) + "}";
    result.push_back(std::move(event));
    at = end + 2;
  }
  return result;
}

class AnthropicRoutesTest : public ::testing::Test {
 protected:
  FakeService service_;
};

// Reasoning, text and two calls, of which the second has no arguments.
void play_all(TokenWriter& writer) {
  writer.push(PromptProgress{.total = 30, .cached = 20, .processed = 20, .elapsed_ms = 0});
  writer.push(PromptProgress{.total = 30, .cached = 20, .processed = 30, .elapsed_ms = 5});
  writer.push(ReasoningDelta{"two ", {}});
  writer.push(ReasoningDelta{"cities", {}});
  writer.push(words("I look."));
  writer.push(ToolCallDelta{0, "call_a", "weather", ""});
  writer.push(ToolCallDelta{0, "", "", "{\"city\":"});
  writer.push(ToolCallDelta{0, "", "", "\"Oslo\"}"});
  writer.push(ToolCallDelta{1, "call_b", "time", "{}"});
  serving::GenerationEnd end = end_after(30, 12, FinishReason::kToolCalls);
  end.usage.cached_tokens = 20;
  writer.push(end);
}

TEST_F(AnthropicRoutesTest, AStreamOfEverything) {
  service_.play(play_all);
  RunningServer server(service_);
  const Reply reply = server.ask(post("/v1/messages?beta=true", kStreamBody));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("Content-Type"), "text/event-stream; charset=utf-8");
  EXPECT_TRUE(reply.complete);
  const auto delta = [](int index, const std::string& inner) {
    return fmt::format(R"(content_block_delta {{"type":"content_block_delta","index":{},"delta":{}}})", index,
                       inner);
  };
  const auto start = [](int index, const std::string& block) {
    return fmt::format(
        R"(content_block_start {{"type":"content_block_start","index":{},"content_block":{}}})", index,
        block);
  };
  const auto stop = [](int index) {
    return fmt::format(R"(content_block_stop {{"type":"content_block_stop","index":{}}})", index);
  };
  const std::vector<std::string> expected = {
      R"(message_start {"type":"message_start","message":{"id":"msg_X","type":"message","role":"assistant","model":"tiny/llama:q4","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":20}}})",
      start(0, R"({"type":"thinking","thinking":"","signature":""})"),
      delta(0, R"({"type":"thinking_delta","thinking":"two "})"),
      delta(0, R"({"type":"thinking_delta","thinking":"cities"})"),
      delta(0, R"({"type":"signature_delta","signature":"hearth"})"),
      stop(0),
      start(1, R"({"type":"text","text":""})"),
      delta(1, R"({"type":"text_delta","text":"I look."})"),
      stop(1),
      start(2, R"({"type":"tool_use","id":"call_a","name":"weather","input":{}})"),
      delta(2, R"({"type":"input_json_delta","partial_json":"{\"city\":"})"),
      delta(2, R"({"type":"input_json_delta","partial_json":"\"Oslo\"}"})"),
      stop(2),
      start(3, R"({"type":"tool_use","id":"call_b","name":"time","input":{}})"),
      delta(3, R"({"type":"input_json_delta","partial_json":"{}"})"),
      stop(3),
      R"(message_delta {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":10,"output_tokens":12,"cache_creation_input_tokens":0,"cache_read_input_tokens":20}})",
      R"(message_stop {"type":"message_stop"})"};
  EXPECT_EQ(events(normal(reply.body)), expected);
}

TEST_F(AnthropicRoutesTest, EverythingInOnePiece) {
  service_.play(play_all);
  RunningServer server(service_);
  const Reply reply = server.ask(post("/v1/messages", kBody));
  EXPECT_EQ(reply.status, 200);
  EXPECT_FALSE(reply.header("Request-Id").empty());
  EXPECT_THAT(
      normal(reply.body),
      StartsWith(
          R"({"id":"msg_X","type":"message","role":"assistant","model":"tiny/llama:q4","content":[)"
          R"({"type":"thinking","thinking":"two cities","signature":"hearth"},{"type":"text","text":"I look."},)"
          R"({"type":"tool_use","id":"call_a","name":"weather","input":{"city":"Oslo"}},)"
          R"({"type":"tool_use","id":"call_b","name":"time","input":{}}],)"
          R"("stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":12,)"
          R"("cache_creation_input_tokens":0,"cache_read_input_tokens":20},"timings":{"queue_ms":0.0,"cache_n":20,)"));
}

TEST_F(AnthropicRoutesTest, ReasonsToStop) {
  RunningServer server(service_);
  const auto reason = [&](FinishReason why, const std::string& stop) {
    service_.play([=](TokenWriter& writer) {
      serving::GenerationEnd end = end_after(1, 1, why);
      end.stop_string = stop;
      writer.push(end);
    });
    const std::string body = server.ask(post("/v1/messages", kBody)).body;
    return body.substr(body.find("\"stop_reason\""), body.find(",\"usage\"") - body.find("\"stop_reason\""));
  };
  EXPECT_EQ(reason(FinishReason::kStop, ""), R"("stop_reason":"end_turn","stop_sequence":null)");
  EXPECT_EQ(reason(FinishReason::kStop, "END"), R"("stop_reason":"stop_sequence","stop_sequence":"END")");
  EXPECT_EQ(reason(FinishReason::kLength, ""), R"("stop_reason":"max_tokens","stop_sequence":null)");
}

TEST_F(AnthropicRoutesTest, ACallThatWasCutOffIsNotShownAsOne) {
  service_.play([](TokenWriter& writer) {
    writer.push(ToolCallDelta{0, "call_a", "weather", "{\"city\":\"Os"});
    writer.push(end_after(1, 1, FinishReason::kLength));
  });
  RunningServer server(service_);
  EXPECT_THAT(server.ask(post("/v1/messages", kBody)).body,
              HasSubstr(R"("content":[],"stop_reason":"max_tokens")"));
}

TEST_F(AnthropicRoutesTest, ACallThatTheModelBrokeOffIsText) {
  service_.play([](TokenWriter& writer) {
    writer.push(ToolCallDelta{0, "call_a", "weather", "{\"city\":\"Os"});
    writer.push(end_after(1, 1, FinishReason::kStop));
  });
  RunningServer server(service_);
  EXPECT_THAT(
      server.ask(post("/v1/messages", kBody)).body,
      HasSubstr(R"("content":[{"type":"text","text":"weather {\"city\":\"Os"}],"stop_reason":"end_turn")"));
}

TEST_F(AnthropicRoutesTest, ThoughtsCanBeOmitted) {
  service_.play(play_all);
  RunningServer server(service_);
  const std::string member = R"("thinking":{"type":"adaptive","display":"omitted"},)";
  const std::string whole = server.ask(post("/v1/messages", "{" + member + (kBody + 1))).body;
  EXPECT_THAT(whole, HasSubstr(R"([{"type":"thinking","thinking":"","signature":"hearth"},)"));
  const std::string stream = server.ask(post("/v1/messages", "{" + member + (kStreamBody + 1))).body;
  EXPECT_THAT(stream, ::testing::Not(HasSubstr("thinking_delta")));
  EXPECT_THAT(stream, HasSubstr("signature_delta"));
}

TEST_F(AnthropicRoutesTest, PingsAfterTheMessageHasStarted) {
  service_.play([](TokenWriter&) {});
  RunningServer server(service_, {}, 10);
  Client client = server.connect();
  ASSERT_TRUE(client.send(post("/v1/messages", kStreamBody)));
  const std::string before = client.receive_until(": still waiting\n\n");
  EXPECT_THAT(before, ::testing::Not(HasSubstr("event:")));
  service_.writer(0).push(PromptProgress{.total = 7});
  const std::string silence = client.receive_until("event: ping\ndata: {\"type\":\"ping\"}\n\n");
  EXPECT_THAT(silence, HasSubstr("event: message_start"));
  EXPECT_THAT(silence, HasSubstr("\"input_tokens\":7"));
  service_.writer(0).push(words("x"));
  service_.writer(0).push(end_after(7, 1));
  EXPECT_THAT(client.receive_until("message_stop\"}"), HasSubstr("\"text\":\"x\""));
}

TEST_F(AnthropicRoutesTest, ErrorsHaveTheirShapeAndStatus) {
  RunningServer server(service_);
  const auto expect = [&](const Reply& reply, int status, const std::string& inner) {
    EXPECT_EQ(reply.status, status);
    EXPECT_EQ(normal(reply.body), R"({"type":"error","error":)" + inner + R"(,"request_id":"req_X"})");
  };
  expect(
      server.ask(post("/v1/messages", "{}")), 400,
      R"({"type":"invalid_request_error","message":"messages: must be a list with at least one message"})");
  expect(
      server.ask(get("/v1/messages")), 405,
      R"({"type":"invalid_request_error","message":"GET is not allowed on /v1/messages; allowed: OPTIONS, POST"})");
  expect(server.ask(post("/v1/messages/batches", "{}")), 404,
         R"({"type":"not_found_error","message":"there is no route /v1/messages/batches"})");
  expect(server.ask(get("/v1/models/none", kVersion)), 404,
         R"({"type":"not_found_error","message":"model 'none' not found"})");
  service_.refuse({ErrorCategory::kNotFound, "model 'none' not found"});
  expect(server.ask(post("/v1/messages", kBody)), 404,
         R"({"type":"not_found_error","message":"model 'none' not found"})");
  service_.refuse({ErrorCategory::kContextExceeded, "prompt is too long: 5000 tokens > 4096 maximum"});
  expect(server.ask(post("/v1/messages", kBody)), 400,
         R"({"type":"invalid_request_error","message":"prompt is too long: 5000 tokens > 4096 maximum"})");
  service_.refuse({ErrorCategory::kQueueFull, "256 requests are waiting already"});
  const Reply waiting = server.ask(post("/v1/messages", kStreamBody));
  EXPECT_EQ(waiting.header("Retry-After"), "1");
  expect(waiting, 429, R"({"type":"rate_limit_error","message":"256 requests are waiting already"})");
  service_.refuse({ErrorCategory::kOverloaded, "the server is shutting down"});
  const Reply overloaded = server.ask(post("/v1/messages", kStreamBody));
  EXPECT_EQ(overloaded.header("Retry-After"), "1");
  expect(overloaded, 503, R"({"type":"overloaded_error","message":"the server is shutting down"})");
}

TEST_F(AnthropicRoutesTest, AFailureInAStreamIsAnEvent) {
  service_.play([](TokenWriter& writer) {
    writer.push(words("x"));
    writer.push(Error{ErrorCategory::kInternal, "it broke"});
  });
  RunningServer server(service_);
  const Reply reply = server.ask(post("/v1/messages", kStreamBody));
  EXPECT_EQ(reply.status, 200);
  EXPECT_FALSE(reply.complete);
  EXPECT_EQ(
      events(normal(reply.body)).back(),
      R"(error {"type":"error","error":{"type":"api_error","message":"it broke"},"request_id":"req_X"})");
  EXPECT_THAT(reply.body, ::testing::Not(HasSubstr("message_stop")));
}

TEST_F(AnthropicRoutesTest, AClientThatLeavesCancels) {
  service_.play([](TokenWriter& writer) { writer.push(words("x")); });
  RunningServer server(service_);
  for (const char* body : {kBody, kStreamBody}) {
    Client client = server.connect();
    ASSERT_TRUE(client.send(post("/v1/messages", body)));
    ASSERT_TRUE(service_.wait_for_generations(body == kBody ? 1 : 2, 5000));
    client.reset();
    EXPECT_TRUE(service_.wait_for_cancellations(body == kBody ? 1 : 2, 5000));
  }
}

TEST_F(AnthropicRoutesTest, AgentsModelsAreTheOnlyOneServed) {
  RunningServer server(service_);
  const std::string body =
      server
          .ask(post("/v1/messages",
                    R"({"model":"claude-haiku-4-5","messages":[{"role":"user","content":"x"}]})"))
          .body;
  EXPECT_THAT(body, HasSubstr(R"("model":"tiny/llama:q4")"));
  EXPECT_EQ(service_.requests()[0].model, "tiny/llama:q4");
}

TEST_F(AnthropicRoutesTest, Models) {
  RunningServer server(service_);
  const std::string model =
      R"({"type":"model","id":"tiny/llama:q4","display_name":"tiny/llama:q4","created_at":"2025-08-22T00:00:00Z","max_input_tokens":4096,"max_tokens":4096})";
  service_.models[0].modified_unix_seconds = 1'755'820'800;
  EXPECT_EQ(
      server.ask(get("/v1/models?limit=1000", kVersion)).body,
      R"({"first_id":"tiny/llama:q4","last_id":"tiny/llama:q4","has_more":false,"data":[)" + model + "]}");
  EXPECT_EQ(server.ask(get("/v1/models/tiny/llama:q4", kVersion)).body, model);
  EXPECT_EQ(server.ask(get("/v1/models/claude-opus-5", kVersion)).body, model);
  EXPECT_THAT(server.ask(get("/v1/models")).body, StartsWith(R"({"object":"list")"));
}

TEST_F(AnthropicRoutesTest, CountsTokensWithoutAGeneration) {
  auto file = gguf::ModelFile::open(HEARTH_TEST_DATA "/models/stories260K.gguf");
  ASSERT_TRUE(file) << file.error().message;
  auto text = serving::TextModel::open(*file);
  ASSERT_TRUE(text) << text.error().message;
  service_.text = std::move(*text);
  RunningServer server(service_);
  const auto count = [&](const std::string& body) {
    const Reply reply = server.ask(post("/v1/messages/count_tokens?beta=true", body));
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_THAT(reply.body, StartsWith("{\"input_tokens\":"));
    return std::stoi(reply.body.substr(reply.body.find(':') + 1));
  };
  const int n_short = count(R"({"messages":[{"role":"user","content":"Once"}]})");
  const int n_long = count(R"({"messages":[{"role":"user","content":"Once upon a time there was"}]})");
  EXPECT_GT(n_short, 1);
  EXPECT_GT(n_long, n_short);
  EXPECT_TRUE(service_.requests().empty());
}

}  // namespace
}  // namespace hearth::api::anthropic
