#include "api/openai/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/json.h"
#include "api/testing/http_client.h"

namespace hearth::api::openai {
namespace {

using serving::FinishReason;
using serving::TextDelta;
using serving::TokenWriter;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::Client;
using testing::end_after;
using testing::FakeService;
using testing::get;
using ::testing::HasSubstr;
using testing::post;
using testing::Reply;
using testing::RunningServer;
using testing::words;

constexpr const char* kChatBody = R"({"messages":[{"role":"user","content":"hi"}]})";
constexpr const char* kStreamBody = R"({"messages":[{"role":"user","content":"hi"}],"stream":true})";

// Replaces what differs between runs: ids and times.
std::string normal(std::string text) {
  for (const std::string prefix : {"\"id\":\"chatcmpl-", "\"id\":\"cmpl-", "\"created\":"}) {
    for (size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at + 1)) {
      const size_t begin = at + prefix.size();
      const size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789", begin);
      text.replace(begin, end - begin, prefix.ends_with('-') ? "X" : "0");
    }
  }
  return text;
}

class OpenAiRoutesTest : public ::testing::Test {
 protected:
  FakeService service_;
};

TEST_F(OpenAiRoutesTest, ChatStream) {
  RunningServer server(service_);
  const Reply reply = server.ask(post("/v1/chat/completions", kStreamBody));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("Content-Type"), "text/event-stream; charset=utf-8");
  EXPECT_EQ(reply.header("Cache-Control"), "no-cache");
  EXPECT_TRUE(reply.complete);
  const std::string head =
      R"(data: {"id":"chatcmpl-X","object":"chat.completion.chunk","created":0,"model":"tiny/llama:q4","system_fingerprint":"fp_hearth","choices":[{"index":0,"delta":)";
  EXPECT_EQ(
      normal(reply.body),
      head + R"({"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]})" + "\n\n" + head +
          R"({"content":"Hello"},"logprobs":null,"finish_reason":null}]})" + "\n\n" + head +
          R"({"content":", world"},"logprobs":null,"finish_reason":null}]})" + "\n\n" + head +
          R"({},"logprobs":null,"finish_reason":"stop"}],"timings":{"queue_ms":1.0,"cache_n":1,"prompt_n":2,"prompt_ms":4.0,"prompt_per_token_ms":2.0,"prompt_per_second":500.0,"predicted_n":2,"predicted_ms":8.0,"predicted_per_token_ms":4.0,"predicted_per_second":250.0}})" +
          "\n\n" + "data: [DONE]\n\n");
}

TEST_F(OpenAiRoutesTest, ChatStreamWithUsage) {
  RunningServer server(service_);
  const Reply reply = server.ask(post(
      "/v1/chat/completions",
      R"({"messages":[{"role":"user","content":"hi"}],"stream":true,"stream_options":{"include_usage":true}})"));
  const std::string body = normal(reply.body);
  EXPECT_THAT(
      body, HasSubstr(R"("delta":{"content":"Hello"},"logprobs":null,"finish_reason":null}],"usage":null})"));
  EXPECT_THAT(
      body,
      ::testing::EndsWith(
          R"("choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":{"cached_tokens":1},"completion_tokens_details":{"reasoning_tokens":0}}})"
          "\n\ndata: [DONE]\n\n"));
}

TEST_F(OpenAiRoutesTest, ChatInOnePiece) {
  RunningServer server(service_);
  const Reply reply = server.ask(post("/chat/completions", kChatBody));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(
      normal(reply.body),
      R"({"id":"chatcmpl-X","object":"chat.completion","created":0,"model":"tiny/llama:q4","system_fingerprint":"fp_hearth","choices":[{"index":0,"message":{"role":"assistant","content":"Hello, world","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":{"cached_tokens":1},"completion_tokens_details":{"reasoning_tokens":0}},"timings":{"queue_ms":1.0,"cache_n":1,"prompt_n":2,"prompt_ms":4.0,"prompt_per_token_ms":2.0,"prompt_per_second":500.0,"predicted_n":2,"predicted_ms":8.0,"predicted_per_token_ms":4.0,"predicted_per_second":250.0}})");
}

TEST_F(OpenAiRoutesTest, CompletionStreamAndOnePiece) {
  RunningServer server(service_);
  const Reply stream = server.ask(post("/v1/completions", R"({"prompt":"Say","stream":true,"echo":true})"));
  const std::string head =
      R"(data: {"id":"cmpl-X","object":"text_completion","created":0,"model":"tiny/llama:q4","system_fingerprint":"fp_hearth","choices":[{"index":0,"text":)";
  EXPECT_THAT(normal(stream.body),
              ::testing::StartsWith(head + R"("Say","logprobs":null,"finish_reason":null}]})" + "\n\n" +
                                    head + R"("Hello","logprobs":null,"finish_reason":null}]})" + "\n\n" +
                                    head + R"(", world","logprobs":null,"finish_reason":null}]})" + "\n\n" +
                                    head + R"("","logprobs":null,"finish_reason":"stop"}],"timings")"));
  EXPECT_THAT(stream.body, ::testing::EndsWith("data: [DONE]\n\n"));

  const Reply whole = server.ask(post("/completions", R"({"prompt":[1,2,3]})"));
  EXPECT_THAT(
      normal(whole.body),
      HasSubstr(
          R"("choices":[{"index":0,"text":"Hello, world","logprobs":null,"finish_reason":"stop"}],"usage")"));
  const auto requests = service_.requests();
  EXPECT_EQ(std::get<serving::TextPrompt>(requests[0].prompt).text, "Say");
  EXPECT_EQ(std::get<std::vector<text::TokenId>>(requests[1].prompt), (std::vector<text::TokenId>{1, 2, 3}));
}

// Reasoning, text and two calls, as a model with tools answers.
void think_and_call(TokenWriter& writer) {
  writer.push(serving::ReasoningDelta{"Hm.", {}});
  writer.push(words("Let me look."));
  writer.push(serving::ToolCallDelta{0, "call_a", "get_weather", ""});
  writer.push(serving::ToolCallDelta{0, "", "", "{\"city\":"});
  writer.push(serving::ToolCallDelta{0, "", "", "\"Tokyo\"}"});
  writer.push(serving::ToolCallDelta{1, "call_b", "f", ""});
  writer.push(serving::ToolCallDelta{1, "", "", "{}"});
  auto end = end_after(3, 20, FinishReason::kToolCalls);
  end.usage.reasoning_tokens = 4;
  writer.push(end);
}

// The deltas of a stream, one a line.
std::string deltas(const std::string& body) {
  std::string lines;
  const std::string before = "\"delta\":";
  for (size_t at = body.find(before); at != std::string::npos; at = body.find(before, at + 1)) {
    const size_t begin = at + before.size();
    lines += body.substr(begin, body.find(",\"logprobs\"", begin) - begin) + "\n";
  }
  return lines;
}

TEST_F(OpenAiRoutesTest, ReasoningAndCallsStream) {
  service_.play(think_and_call);
  RunningServer server(service_);
  const Reply reply = server.ask(post("/v1/chat/completions", kStreamBody));
  EXPECT_EQ(deltas(reply.body),
            R"({"role":"assistant","content":""}
{"reasoning_content":"Hm.","reasoning":"Hm."}
{"content":"Let me look."}
{"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"get_weather","arguments":""}}]}
{"tool_calls":[{"index":0,"function":{"arguments":"{\"city\":"}}]}
{"tool_calls":[{"index":0,"function":{"arguments":"\"Tokyo\"}"}}]}
{"tool_calls":[{"index":1,"id":"call_b","type":"function","function":{"name":"f","arguments":""}}]}
{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]}
{}
)");
  EXPECT_THAT(reply.body, HasSubstr(R"("finish_reason":"tool_calls")"));
}

TEST_F(OpenAiRoutesTest, ReasoningAndCallsInOnePiece) {
  service_.play(think_and_call);
  RunningServer server(service_);
  const Reply reply = server.ask(post("/v1/chat/completions", kChatBody));
  EXPECT_THAT(
      reply.body,
      HasSubstr(
          R"("message":{"role":"assistant","content":"Let me look.","refusal":null,"reasoning_content":"Hm.","reasoning":"Hm.",)"
          R"("tool_calls":[{"id":"call_a","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Tokyo\"}"}},)"
          R"({"id":"call_b","type":"function","function":{"name":"f","arguments":"{}"}}]},"logprobs":null,"finish_reason":"tool_calls")"));
  EXPECT_THAT(reply.body, HasSubstr(R"("completion_tokens_details":{"reasoning_tokens":4})"));
}

TEST_F(OpenAiRoutesTest, ContentIsNullWhereThereAreOnlyCalls) {
  service_.play([](TokenWriter& writer) {
    writer.push(serving::ToolCallDelta{0, "call_a", "f", "{}"});
    writer.push(end_after(3, 5, FinishReason::kToolCalls));
  });
  RunningServer server(service_);
  EXPECT_THAT(server.ask(post("/v1/chat/completions", kChatBody)).body,
              HasSubstr(R"("message":{"role":"assistant","content":null,"refusal":null,"tool_calls":[)"));
}

// What the model did not bring to its end is text, not a call; what a limit cut says so.
TEST_F(OpenAiRoutesTest, ACallThatIsNotWholeIsNotClaimedToBe) {
  const auto half = [](FinishReason reason) {
    return [reason](TokenWriter& writer) {
      writer.push(serving::ToolCallDelta{0, "call_a", "f", "{\"city\":\"Os"});
      writer.push(end_after(1, 1, reason));
    };
  };
  service_.play(half(FinishReason::kStop));
  RunningServer server(service_);
  const Json broken = Json::parse(server.ask(post("/v1/chat/completions", kChatBody)).body)["choices"][0];
  EXPECT_EQ(broken["finish_reason"], "stop");
  EXPECT_EQ(broken["message"]["content"], "f {\"city\":\"Os");
  EXPECT_FALSE(broken["message"].contains("tool_calls"));
  EXPECT_THAT(server.ask(post("/v1/chat/completions", kStreamBody)).body,
              HasSubstr(R"("finish_reason":"stop")"));
  service_.play(half(FinishReason::kLength));
  const Json cut = Json::parse(server.ask(post("/v1/chat/completions", kChatBody)).body)["choices"][0];
  EXPECT_EQ(cut["finish_reason"], "length");
  EXPECT_EQ(cut["message"]["tool_calls"][0]["function"]["arguments"], "{\"city\":\"Os");
}

TEST_F(OpenAiRoutesTest, ProgressIsShownWhereItIsAskedFor) {
  service_.play([](TokenWriter& writer) {
    writer.push(serving::PromptProgress{.total = 30, .cached = 10, .processed = 20, .elapsed_ms = 5.4});
    testing::say_hello(writer);
  });
  RunningServer server(service_);
  const char* members = R"("stream":true,"return_progress":true})";
  const Reply chat = server.ask(post(
      "/v1/chat/completions", R"({"messages":[{"role":"user","content":"hi"}],)" + std::string(members)));
  EXPECT_THAT(
      chat.body,
      HasSubstr(
          R"("choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":null}],"prompt_progress":{"total":30,"cache":10,"processed":20,"time_ms":5}})"));
  EXPECT_LT(chat.body.find(R"("role":"assistant")"), chat.body.find("prompt_progress"));
  const Reply text = server.ask(post("/v1/completions", R"({"prompt":"hi",)" + std::string(members)));
  EXPECT_THAT(text.body, HasSubstr(R"("prompt_progress":{"total":30,)"));
  const Reply native = server.ask(post("/completion", R"({"prompt":"hi",)" + std::string(members)));
  EXPECT_THAT(native.body, HasSubstr(R"("stop":false,"id_slot":-1,"prompt_progress":{"total":30,)"));
  for (const char* path : {"/v1/chat/completions", "/completion"}) {
    const Reply silent = server.ask(
        post(path, R"({"prompt":"hi","messages":[{"role":"user","content":"hi"}],"stream":true})"));
    EXPECT_THAT(silent.body, ::testing::Not(HasSubstr("prompt_progress")));
  }
}

TEST_F(OpenAiRoutesTest, ExcludedReasoningIsNotShown) {
  service_.play(think_and_call);
  RunningServer server(service_);
  for (const char* stream : {"true", "false"}) {
    const Reply reply = server.ask(post(
        "/v1/chat/completions",
        fmt::format(
            R"({{"messages":[{{"role":"user","content":"hi"}}],"reasoning":{{"exclude":true}},"stream":{}}})",
            stream)));
    EXPECT_EQ(reply.status, 200);
    EXPECT_THAT(reply.body, ::testing::Not(HasSubstr("Hm.")));
    EXPECT_THAT(reply.body, HasSubstr("Let me look."));
  }
}

TEST_F(OpenAiRoutesTest, FunctionsAreAnsweredInTheirOwnShape) {
  service_.play([](TokenWriter& writer) {
    writer.push(serving::ToolCallDelta{0, "call_a", "f", ""});
    writer.push(serving::ToolCallDelta{0, "", "", "{}"});
    writer.push(end_after(3, 5, FinishReason::kToolCalls));
  });
  RunningServer server(service_);
  const std::string body =
      R"({"messages":[{"role":"user","content":"hi"}],"functions":[{"name":"f"}],"stream":)";
  EXPECT_THAT(
      server.ask(post("/v1/chat/completions", body + "false}")).body,
      HasSubstr(
          R"("content":null,"refusal":null,"function_call":{"name":"f","arguments":"{}"}},"logprobs":null,)"
          R"("finish_reason":"function_call")"));
  const Reply stream = server.ask(post("/v1/chat/completions", body + "true}"));
  EXPECT_EQ(deltas(stream.body), R"({"role":"assistant","content":""}
{"function_call":{"name":"f","arguments":""}}
{"function_call":{"arguments":"{}"}}
{}
)");
  EXPECT_FALSE(service_.requests()[0].parallel_tool_calls);
}

TEST_F(OpenAiRoutesTest, SeveralChoicesCarryTheirIndex) {
  service_.play([](TokenWriter& writer) {
    writer.push(words("x"));
    writer.push(end_after(5, 1, FinishReason::kLength));
  });
  RunningServer server(service_);
  const Reply whole = server.ask(
      post("/v1/chat/completions", R"({"messages":[{"role":"user","content":"hi"}],"n":2,"seed":7})"));
  EXPECT_THAT(whole.body,
              HasSubstr(R"({"index":1,"message":{"role":"assistant","content":"x","refusal":null},)"));
  EXPECT_THAT(whole.body, HasSubstr(R"("usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7)"));
  EXPECT_THAT(whole.body, HasSubstr(R"("finish_reason":"length")"));
  EXPECT_EQ(service_.requests()[0].sampling.seed, 7u);
  EXPECT_EQ(service_.requests()[1].sampling.seed, 8u);

  const Reply stream = server.ask(post("/v1/completions", R"({"prompt":["a","b"],"stream":true})"));
  EXPECT_THAT(stream.body, HasSubstr(R"([{"index":0,"text":"x")"));
  EXPECT_THAT(stream.body, HasSubstr(R"([{"index":1,"text":"x")"));
  EXPECT_EQ(std::get<serving::TextPrompt>(service_.requests()[3].prompt).text, "b");
}

TEST_F(OpenAiRoutesTest, TimingsCountDrafts) {
  service_.play([](TokenWriter& writer) {
    serving::GenerationEnd end = end_after(5, 9);
    end.timings.drafted_tokens = 7;
    end.timings.accepted_tokens = 6;
    writer.push(end);
  });
  RunningServer server(service_);
  EXPECT_THAT(server.ask(post("/v1/chat/completions", kChatBody)).body,
              HasSubstr(R"("draft_n":7,"draft_n_accepted":6}})"));
}

TEST_F(OpenAiRoutesTest, Logprobs) {
  service_.play([](TokenWriter& writer) {
    TextDelta delta = words("é");
    delta.tokens.push_back({{"\xc3", 1, -0.5f}, {{"\xc3", 1, -0.5f}, {"a", 3, -INFINITY}}});
    delta.tokens.push_back({{"\xa9", 2, -0.25f}, {}});
    writer.push(delta);
    writer.push(end_after(1, 2));
  });
  RunningServer server(service_);
  const Reply chat =
      server.ask(post("/v1/chat/completions",
                      R"({"messages":[{"role":"user","content":"hi"}],"logprobs":true,"top_logprobs":2})"));
  EXPECT_THAT(
      chat.body,
      HasSubstr(
          "\"logprobs\":{\"content\":[{\"token\":\"\xef\xbf\xbd\",\"logprob\":-0.5,\"bytes\":[195],\"top_"
          "logprobs\":[{\"token\":\"\xef\xbf\xbd\",\"logprob\":-0.5,\"bytes\":[195]},{\"token\":\"a\","
          "\"logprob\":-9999.0,\"bytes\":[97]}]},{\"token\":\"\xef\xbf\xbd\",\"logprob\":-0.25,\"bytes\":["
          "169],"
          "\"top_logprobs\":[]}],\"refusal\":null}"));
  const Reply text = server.ask(post("/v1/completions", R"({"prompt":"x","logprobs":2})"));
  EXPECT_THAT(
      text.body,
      HasSubstr(
          R"("logprobs":{"tokens":["bytes:\\xc3","bytes:\\xa9"],"token_logprobs":[-0.5,-0.25],"top_logprobs":[{"bytes:\\xc3":-0.5,"a":-9999.0},{}],"text_offset":[0,1]})"));
  EXPECT_TRUE(service_.requests()[1].logprobs);
  EXPECT_EQ(service_.requests()[1].top_logprobs, 2);
}

TEST_F(OpenAiRoutesTest, Models) {
  service_.models[0].capabilities = {.completion = true, .tools = true};
  RunningServer server(service_);
  const std::string model =
      R"({"id":"tiny/llama:q4","object":"model","created":1755820000,"owned_by":"library","context_length":4096,"max_model_len":4096,"capabilities":["completion","tools"],"status":{"value":"loaded"},"meta":{"architecture":"llama","context_length":4096,"parameters":2000,"quantization":"Q4_K","size_bytes":1000,"n_ctx":4096,"n_params":2000,"size":1000,"loaded":true}})";
  EXPECT_EQ(server.ask(get("/v1/models")).body, R"({"object":"list","data":[)" + model + "]}");
  EXPECT_EQ(server.ask(get("/models")).status, 200);
  EXPECT_EQ(server.ask(get("/v1/models/tiny/llama:q4")).body, model);
  EXPECT_EQ(server.ask(get("/v1/models/tiny%2Fllama%3Aq4")).body, model);
  service_.aliases =
      serving::ModelAliases(std::vector<serving::ModelAlias>{{.pattern = "gpt-*", .model = "tiny/llama:q4"}});
  EXPECT_EQ(server.ask(get("/v1/models/gpt-4")).body, model) << "an alias";
  const Reply missing = server.ask(get("/v1/models/other"));
  EXPECT_EQ(missing.status, 404);
  EXPECT_THAT(missing.body, HasSubstr(R"("param":"model","code":"model_not_found")"));
}

TEST_F(OpenAiRoutesTest, ErrorsOfTheServiceHaveTheirStatus) {
  const struct {
    Error error;
    int status;
    const char* rest;
  } cases[] = {
      {{ErrorCategory::kNotFound, "no model"},
       404,
       R"({"error":{"message":"no model","type":"not_found_error","param":"model","code":"model_not_found"}})"},
      {{ErrorCategory::kContextExceeded, "5000 tokens, the context is 4096"},
       400,
       R"({"error":{"message":"5000 tokens, the context is 4096","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}})"},
      {{ErrorCategory::kInvalidArgument, "top_k is x"},
       400,
       R"({"error":{"message":"top_k is x","type":"invalid_request_error","param":null,"code":null}})"},
      {{ErrorCategory::kQueueFull, "the queue is full"},
       429,
       R"({"error":{"message":"the queue is full","type":"rate_limit_error","param":null,"code":"queue_full"}})"},
      {{ErrorCategory::kOverloaded, "no memory"},
       503,
       R"({"error":{"message":"no memory","type":"unavailable_error","param":null,"code":"overloaded"}})"},
      {{ErrorCategory::kUnsupported, "no"},
       501,
       R"({"error":{"message":"no","type":"not_supported_error","param":null,"code":null}})"},
      {{ErrorCategory::kInternal, "bug"},
       500,
       R"({"error":{"message":"bug","type":"server_error","param":null,"code":null}})"},
  };
  for (const auto& one : cases) {
    FakeService refusing;
    refusing.refuse(one.error);
    FakeService failing;
    failing.play([&](TokenWriter& writer) { writer.push(one.error); });
    for (FakeService* service : {&refusing, &failing}) {
      RunningServer server(*service);
      for (const char* body : {kChatBody, kStreamBody}) {
        const Reply reply = server.ask(post("/v1/chat/completions", body));
        EXPECT_EQ(reply.status, one.status) << one.error.message;
        EXPECT_EQ(reply.body, one.rest);
        EXPECT_EQ(reply.header("Retry-After"), one.status == 503 || one.status == 429 ? "1" : "");
      }
    }
  }
}

TEST_F(OpenAiRoutesTest, AFailureInTheStreamIsAnEventAndNoDone) {
  service_.play([](TokenWriter& writer) {
    writer.push(words("a"));
    writer.push(Error{ErrorCategory::kInternal, "worker died"});
  });
  RunningServer server(service_);
  const Reply reply = server.ask(post("/v1/chat/completions", kStreamBody));
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(
      reply.body,
      ::testing::EndsWith(
          R"(data: {"error":{"message":"worker died","type":"server_error","param":null,"code":null}})"
          "\n\n"));
  EXPECT_THAT(reply.body, Not(HasSubstr("[DONE]")));
  EXPECT_FALSE(reply.complete) << "the last chunk is missing too";
}

TEST_F(OpenAiRoutesTest, TheOnlyModelIsTheDefault) {
  {
    RunningServer server(service_);
    server.ask(post("/v1/chat/completions", kChatBody));
    EXPECT_EQ(service_.requests()[0].model, "tiny/llama:q4");
  }
  service_.models.push_back(service_.models[0]);
  service_.models[1].name = "second";
  RunningServer server(service_);
  const Reply reply = server.ask(post("/v1/chat/completions", kChatBody));
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("model: is missing; served are: tiny/llama:q4, second"));
}

// --- streams while they run ---

class LiveStreamTest : public OpenAiRoutesTest {
 protected:
  LiveStreamTest() {
    service_.play([](TokenWriter&) {});  // queued: nothing yet
  }

  // Sends `body`, waits until its generation runs.
  Client begin(const RunningServer& server, const char* body) {
    Client client = server.connect();
    client.send(post("/v1/chat/completions", body));
    EXPECT_TRUE(service_.wait_for_generations(1, 5000));
    return client;
  }
};

TEST_F(LiveStreamTest, EventsArriveOneByOne) {
  RunningServer server(service_);
  Client client = begin(server, kStreamBody);
  service_.writer(0).push(words("one"));
  EXPECT_THAT(client.receive_until("one"), HasSubstr("one"));
  service_.writer(0).push(words("two"));
  EXPECT_THAT(client.receive_until("two"), HasSubstr("two"));
  service_.writer(0).push(end_after(1, 2));
  EXPECT_THAT(client.receive_until("[DONE]"), HasSubstr("[DONE]"));
}

TEST_F(LiveStreamTest, LeavingCancels) {
  for (const char* body : {kStreamBody, kChatBody}) {
    for (const bool prefilling : {true, false}) {
      for (const int how : {0, 1, 2}) {
        FakeService service;
        service.play([](TokenWriter&) {});
        RunningServer server(service);
        Client client = server.connect();
        client.send(post("/v1/chat/completions", body));
        ASSERT_TRUE(service.wait_for_generations(1, 5000));
        if (!prefilling) {
          service.writer(0).push(words("one"));
          if (body == kStreamBody) {
            EXPECT_THAT(client.receive_until("one"), HasSubstr("one"));
          }
        }
        EXPECT_FALSE(service.wait_for_cancellations(1, 30));
        const auto begin = steady_clock::now();
        if (how == 0) client.close();
        if (how == 1) client.reset();
        if (how == 2) client.half_close();
        EXPECT_TRUE(service.wait_for_cancellations(1, 2000)) << how << prefilling << body;
        EXPECT_LT(steady_clock::now() - begin, milliseconds(100)) << how << prefilling << body;
      }
    }
  }
}

TEST_F(LiveStreamTest, LeavingWithThePipeFullCancels) {
  RunningServer server(service_);
  Client client = begin(server, kStreamBody);
  for (int i = 0; i < 2000; ++i) service_.writer(0).push(words(std::string(10'000, 'x')));
  std::this_thread::sleep_for(milliseconds(200));
  EXPECT_FALSE(service_.wait_for_cancellations(1, 1)) << "a slow reader is waited for";
  client.reset();
  EXPECT_TRUE(service_.wait_for_cancellations(1, 1000));
}

TEST_F(LiveStreamTest, AReaderThatStopsIsDroppedAfterTheWriteDeadline) {
  HttpServerOptions options;
  options.limits.write_timeout = milliseconds(200);
  RunningServer server(service_, options);
  Client client = begin(server, kStreamBody);
  for (int i = 0; i < 2000; ++i) service_.writer(0).push(words(std::string(10'000, 'x')));
  EXPECT_TRUE(service_.wait_for_cancellations(1, 3000));
}

TEST_F(LiveStreamTest, ASlowReaderGetsEverything) {
  RunningServer server(service_);
  Client client = begin(server, kStreamBody);
  for (int i = 0; i < 1000; ++i) service_.writer(0).push(words(std::string(10'000, 'x')));
  service_.writer(0).push(end_after(1, 1000));
  std::this_thread::sleep_for(milliseconds(100));
  const Reply reply = client.receive();
  EXPECT_TRUE(reply.complete);
  EXPECT_GT(reply.body.size(), 10'000'000u);
  EXPECT_THAT(reply.body.substr(reply.body.size() - 20), HasSubstr("data: [DONE]"));
}

TEST_F(LiveStreamTest, ARequestSentAheadIsKept) {
  RunningServer server(service_);
  Client client = begin(server, kStreamBody);
  client.send(get("/health"));
  EXPECT_FALSE(service_.wait_for_cancellations(1, 50));
  service_.writer(0).push(words("one"));
  service_.writer(0).push(end_after(1, 1));
  EXPECT_THAT(client.receive().body, HasSubstr("[DONE]"));
  EXPECT_EQ(client.receive().body, R"({"status":"ok"})");
}

TEST_F(LiveStreamTest, SilenceIsFilledWithComments) {
  RunningServer server(service_, {}, 50);
  Client client = begin(server, kStreamBody);
  const std::string first = client.receive_until("still working");
  EXPECT_THAT(first, HasSubstr("200 OK"));
  EXPECT_THAT(first, HasSubstr(R"("role":"assistant")"));
  EXPECT_THAT(first, HasSubstr(": still working\n\n"));
  EXPECT_THAT(client.receive_until(": still working\n\n"), HasSubstr(": still working\n\n"));
  service_.writer(0).push(Error{ErrorCategory::kContextExceeded, "too long"});
  EXPECT_THAT(client.receive_until("context_length_exceeded"), HasSubstr("context_length_exceeded"));
}

TEST_F(LiveStreamTest, StopLetsStreamsEnd) {
  RunningServer server(service_);
  Client client = begin(server, kStreamBody);
  service_.writer(0).push(words("one"));
  client.receive_until("one");
  server.server().stop(milliseconds(10'000));
  EXPECT_FALSE(server.stops_within(100));
  service_.writer(0).push(end_after(1, 1));
  EXPECT_THAT(client.receive_until("[DONE]"), HasSubstr("[DONE]"));
  EXPECT_TRUE(server.stops_within(2000));
}

TEST_F(LiveStreamTest, AfterTheGraceStreamsEndWithAnError) {
  RunningServer server(service_);
  Client client = begin(server, kStreamBody);
  Client whole = server.connect();
  whole.send(post("/v1/chat/completions", kChatBody));
  ASSERT_TRUE(service_.wait_for_generations(2, 5000));
  service_.writer(0).push(words("one"));
  client.receive_until("one");
  server.server().stop(milliseconds(100));
  const std::string last = client.receive_until("error");
  EXPECT_THAT(last, HasSubstr("data: {\"error\":{\"message\":\"the server is shutting down\""));
  EXPECT_THAT(last, Not(HasSubstr("[DONE]")));
  EXPECT_EQ(whole.receive().status, 503);
  EXPECT_TRUE(service_.wait_for_cancellations(2, 1000));
  EXPECT_TRUE(server.stops_within(2000));
}

TEST_F(LiveStreamTest, AStopWithoutGraceIsImmediate) {
  RunningServer server(service_);
  Client client = begin(server, kStreamBody);
  server.server().stop(milliseconds(60'000));
  EXPECT_FALSE(server.stops_within(50));
  server.server().stop(milliseconds(0));
  EXPECT_TRUE(server.stops_within(500));
  EXPECT_TRUE(service_.wait_for_cancellations(1, 100));
}

}  // namespace
}  // namespace hearth::api::openai
