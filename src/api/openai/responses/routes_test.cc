#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "api/http_server.h"
#include "api/json.h"
#include "api/openai/routes.h"
#include "api/testing/http_client.h"
#include "store/response_store.h"

namespace hearth::api::openai::responses {
namespace {

namespace fs = std::filesystem;
using serving::ChatPrompt;
using serving::FinishReason;
using serving::ReasoningDelta;
using serving::TokenWriter;
using serving::ToolCallDelta;
using ::testing::ElementsAre;
using testing::end_after;
using testing::FakeService;
using testing::get;
using ::testing::HasSubstr;
using testing::post;
using testing::Reply;
using ::testing::StartsWith;
using testing::words;

struct Event {
  std::string name;
  Json data;
};

std::vector<Event> events(const std::string& body) {
  std::vector<Event> list;
  for (size_t at = 0; at < body.size();) {
    const size_t end = body.find("\n\n", at);
    const std::string block = body.substr(at, end - at);
    at = end + 2;
    if (block.starts_with(':')) continue;
    const size_t line = block.find('\n');
    EXPECT_THAT(block, StartsWith("event: "));
    EXPECT_EQ(block.substr(line + 1, 6), "data: ");
    list.push_back({block.substr(7, line - 7), Json::parse(block.substr(line + 7))});
    EXPECT_EQ(list.back().data["type"], list.back().name);
    EXPECT_EQ(list.back().data["sequence_number"], list.size() - 1);
  }
  return list;
}

std::vector<std::string> names(const std::vector<Event>& list) {
  std::vector<std::string> result;
  for (const Event& event : list) result.push_back(event.name);
  return result;
}

class ResponsesRoutesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "hearth-responses-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    auto opened = store::ResponseStore::open(folder_ / "hearth.db");
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
    serve({.responses = store_.get()});
  }
  void TearDown() override {
    stop();
    fs::remove_all(folder_);
  }

  void serve(OpenAiOptions options) {
    stop();
    Router router;
    add_openai_routes(router, service_, std::move(options));
    HttpServerOptions http;
    http.port = 0;
    auto server = HttpServer::create(std::move(http), std::move(router));
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    thread_ = std::thread([this] { server_->run(); });
  }
  void stop() {
    if (!server_) return;
    server_->stop(std::chrono::milliseconds(0));
    thread_.join();
    server_.reset();
  }

  Reply send(const std::string& bytes) const {
    testing::Client client(server_->port());
    client.send(bytes);
    return client.receive();
  }

  Json ask(const std::string& bytes, int status = 200) {
    const Reply reply = send(bytes);
    EXPECT_EQ(reply.status, status) << reply.body;
    return Json::parse(reply.body);
  }
  Json create(const std::string& body, int status = 200) { return ask(post("/v1/responses", body), status); }
  static std::string remove(const std::string& path) {
    return "DELETE " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  }

  fs::path folder_;
  FakeService service_;
  std::unique_ptr<store::ResponseStore> store_;
  std::unique_ptr<HttpServer> server_;
  std::thread thread_;
};

TEST_F(ResponsesRoutesTest, AnswersWithAllKeys) {
  const Json response = create(R"({"input":"hi","metadata":{"a":"b"},"user":"u"})");
  EXPECT_THAT(response["id"], StartsWith("resp_"));
  EXPECT_EQ(response["object"], "response");
  EXPECT_EQ(response["status"], "completed");
  EXPECT_EQ(response["model"], "tiny/llama:q4");
  EXPECT_EQ(response["metadata"], Json::parse(R"({"a":"b"})"));
  EXPECT_EQ(response["user"], "u");
  EXPECT_EQ(response["store"], true);
  EXPECT_TRUE(response["created_at"].is_number_integer());
  EXPECT_TRUE(response["completed_at"].is_number_integer());
  for (const char* name :
       {"error", "incomplete_details", "instructions", "max_output_tokens", "max_tool_calls",
        "previous_response_id", "prompt_cache_key", "safety_identifier", "temperature", "top_p"}) {
    EXPECT_TRUE(response.contains(name) && response[name].is_null()) << name;
  }
  for (const char* name : {"background", "parallel_tool_calls", "reasoning", "service_tier", "text",
                           "tool_choice", "tools", "top_logprobs", "truncation"}) {
    EXPECT_TRUE(response.contains(name) && !response[name].is_null()) << name;
  }
  EXPECT_EQ(response["usage"], Json::parse(R"({"input_tokens":3,"input_tokens_details":{"cached_tokens":1},
      "output_tokens":2,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":5})"));
  ASSERT_EQ(response["output"].size(), 1U);
  const Json& message = response["output"][0];
  EXPECT_THAT(message["id"], StartsWith("msg_"));
  EXPECT_EQ(message["type"], "message");
  EXPECT_EQ(message["role"], "assistant");
  EXPECT_EQ(message["status"], "completed");
  EXPECT_EQ(message["content"],
            Json::parse(R"([{"type":"output_text","text":"Hello, world","annotations":[],"logprobs":[]}])"));
}

TEST_F(ResponsesRoutesTest, StreamsEventsInOrder) {
  service_.play([](TokenWriter& writer) {
    writer.push(ReasoningDelta{"let me ", {}});
    writer.push(ReasoningDelta{"see", {}});
    writer.push(words("I "));
    writer.push(words("look."));
    writer.push(ToolCallDelta{0, "call_1", "look", ""});
    writer.push(ToolCallDelta{0, "", "", "{\"at\":"});
    writer.push(ToolCallDelta{0, "", "", "1}"});
    writer.push(ToolCallDelta{1, "call_2", "rest", ""});
    writer.push(end_after(5, 9, FinishReason::kToolCalls));
  });
  const std::string body =
      R"({"input":"hi","stream":true,"include":["reasoning.encrypted_content"],)"
      R"("tools":[{"type":"function","name":"look"},{"type":"function","name":"rest"}]})";
  const Reply reply = send(post("/v1/responses", body));
  EXPECT_EQ(reply.header("Content-Type"), "text/event-stream; charset=utf-8");
  EXPECT_TRUE(reply.complete);
  const auto list = events(reply.body);
  EXPECT_THAT(
      names(list),
      ElementsAre("response.created", "response.in_progress",                                         //
                  "response.output_item.added", "response.reasoning_summary_part.added",              //
                  "response.reasoning_summary_text.delta", "response.reasoning_summary_text.delta",   //
                  "response.reasoning_summary_text.done", "response.reasoning_summary_part.done",     //
                  "response.output_item.done",                                                        //
                  "response.output_item.added", "response.content_part.added",                        //
                  "response.output_text.delta", "response.output_text.delta",                         //
                  "response.output_text.done", "response.content_part.done",                          //
                  "response.output_item.done",                                                        //
                  "response.output_item.added", "response.function_call_arguments.delta",             //
                  "response.function_call_arguments.delta", "response.function_call_arguments.done",  //
                  "response.output_item.done",                                                        //
                  "response.output_item.added", "response.function_call_arguments.done",              //
                  "response.output_item.done",                                                        //
                  "response.completed"));
  EXPECT_EQ(list[0].data["response"]["status"], "in_progress");
  EXPECT_EQ(list[0].data["response"]["output"], Json::array());
  EXPECT_EQ(list[2].data["item"]["status"], "in_progress");
  EXPECT_EQ(list[6].data["text"], "let me see");
  EXPECT_EQ(list[11].data["delta"], "I ");
  EXPECT_EQ(list[11].data["output_index"], 1);
  EXPECT_EQ(list[11].data["content_index"], 0);
  EXPECT_EQ(list[11].data["item_id"], list[9].data["item"]["id"]);
  EXPECT_EQ(list[13].data["text"], "I look.");
  EXPECT_EQ(list[19].data["arguments"], "{\"at\":1}");
  EXPECT_EQ(list[19].data["name"], "look");

  const Json& response = list.back().data["response"];
  EXPECT_EQ(response["status"], "completed");
  EXPECT_EQ(response["usage"]["output_tokens"], 9);
  ASSERT_EQ(response["output"].size(), 4U);
  EXPECT_EQ(response["output"][0]["type"], "reasoning");
  EXPECT_EQ(response["output"][0]["encrypted_content"], "let me see");
  EXPECT_EQ(response["output"][0]["summary"][0]["text"], "let me see");
  EXPECT_EQ(response["output"][2]["type"], "function_call");
  EXPECT_EQ(response["output"][2]["call_id"], "call_1");
  EXPECT_EQ(response["output"][3]["arguments"], "{}");
  for (size_t i = 0, n_done = 0; i < list.size(); ++i) {
    if (list[i].name != "response.output_item.done") continue;
    EXPECT_EQ(list[i].data["item"], response["output"][n_done++])
        << "an item is the same wherever it is shown";
  }
}

TEST_F(ResponsesRoutesTest, CustomToolsAreAnsweredAsSuch) {
  service_.play([](TokenWriter& writer) {
    writer.push(ToolCallDelta{0, "call_1", "patch", "{\"in"});
    writer.push(ToolCallDelta{0, "", "", "put\":\"a\\nb\"}"});
    writer.push(end_after(5, 9, FinishReason::kToolCalls));
  });
  const auto list =
      events(send(post("/v1/responses",
                       R"({"input":"hi","stream":true,"tools":[{"type":"custom","name":"patch"}]})"))
                 .body);
  EXPECT_THAT(names(list),
              ElementsAre("response.created", "response.in_progress", "response.output_item.added",
                          "response.custom_tool_call_input.delta", "response.custom_tool_call_input.done",
                          "response.output_item.done", "response.completed"));
  const Json& call = list.back().data["response"]["output"][0];
  EXPECT_THAT(call["id"], StartsWith("ctc_"));
  EXPECT_EQ(call["type"], "custom_tool_call");
  EXPECT_EQ(call["call_id"], "call_1");
  EXPECT_EQ(call["input"], "a\nb");
}

TEST_F(ResponsesRoutesTest, WhatTheLimitCutsOffIsIncomplete) {
  service_.play([](TokenWriter& writer) {
    writer.push(words("x"));
    writer.push(end_after(5, 1, FinishReason::kLength));
  });
  const auto list = events(send(post("/v1/responses", R"({"input":"hi","stream":true})")).body);
  EXPECT_EQ(list.back().name, "response.incomplete");
  const Json whole = create(R"({"input":"hi"})");
  for (const Json& response : {list.back().data["response"], whole}) {
    EXPECT_EQ(response["status"], "incomplete");
    EXPECT_EQ(response["incomplete_details"]["reason"], "max_output_tokens");
    EXPECT_TRUE(response["completed_at"].is_null());
    EXPECT_EQ(response["output"][0]["status"], "incomplete");
  }
}

TEST_F(ResponsesRoutesTest, FailuresHaveAStatusBeforeTheFirstByteAndAnEventAfterIt) {
  service_.play([](TokenWriter& writer) {
    writer.push(words("x"));
    writer.push(Error{ErrorCategory::kInternal, "the model broke"});
  });
  const Reply reply = send(post("/v1/responses", R"({"input":"hi","stream":true})"));
  EXPECT_TRUE(reply.complete) << "response.failed is a proper end";
  const auto list = events(reply.body);
  ASSERT_GE(list.size(), 2U);
  EXPECT_EQ(list[list.size() - 2].name, "error");
  EXPECT_EQ(list[list.size() - 2].data["message"], "the model broke");
  EXPECT_EQ(list.back().name, "response.failed");
  EXPECT_EQ(list.back().data["response"]["status"], "failed");
  EXPECT_EQ(list.back().data["response"]["error"]["message"], "the model broke");
  const std::string id = list.back().data["response"]["id"];
  ask(get("/v1/responses/" + id), 404);

  service_.play([](TokenWriter& writer) {
    writer.push(Error{ErrorCategory::kInternal, "broken from the start"});
  });
  EXPECT_EQ(create(R"({"input":"hi","stream":true})", 500)["error"]["message"], "broken from the start");
  EXPECT_EQ(create(R"({"input":"hi"})", 500)["error"]["message"], "broken from the start");
  service_.refuse({ErrorCategory::kContextExceeded, "10 tokens, 5 fit"});
  const Json refusal = create(R"({"input":"hi"})", 400);
  EXPECT_EQ(refusal["error"]["code"], "context_length_exceeded");
  EXPECT_EQ(refusal["error"]["param"], "input");
}

TEST_F(ResponsesRoutesTest, AResponseGoesOnFromAnother) {
  const Json first = create(R"({"input":"one"})");
  const Json second = create(fmt::format(
      R"({{"input":"two","instructions":"Be brief.","previous_response_id":{}}})", first["id"].dump()));
  EXPECT_EQ(second["previous_response_id"], first["id"]);
  const auto streamed = events(
      send(post("/responses", fmt::format(R"({{"input":"three","stream":true,"previous_response_id":{}}})",
                                          second["id"].dump())))
          .body);
  ASSERT_EQ(streamed.back().name, "response.completed");
  create(fmt::format(R"({{"input":"four","previous_response_id":{}}})",
                     streamed.back().data["response"]["id"].dump()));

  std::vector<std::string> said;
  const auto requests = service_.requests();
  for (const auto& message : std::get<ChatPrompt>(requests.back().prompt).messages) {
    said.push_back(message.role + ": " + message.content);
  }
  EXPECT_THAT(said,
              ElementsAre("user: one", "assistant: Hello, world", "user: two", "assistant: Hello, world",
                          "user: three", "assistant: Hello, world", "user: four"))
      << "instructions are a request's own";
}

TEST_F(ResponsesRoutesTest, ItemsAreReferredTo) {
  const Json first = create(R"({"input":"one"})");
  create(fmt::format(R"({{"input":[{{"type":"item_reference","id":{}}},{{"role":"user","content":"two"}}]}})",
                     first["output"][0]["id"].dump()));
  const auto requests = service_.requests();
  const auto& messages = std::get<ChatPrompt>(requests.back().prompt).messages;
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[0].role, "assistant");
  EXPECT_EQ(messages[0].content, "Hello, world");
  EXPECT_EQ(create(R"({"input":[{"type":"item_reference","id":"msg_none"}]})", 400)["error"]["param"],
            "input[0]");
}

TEST_F(ResponsesRoutesTest, WhatIsStoredCanBeReadAndRemoved) {
  const Json response =
      create(R"({"input":[{"role":"user","content":"one"},{"role":"user","content":"two"}]})");
  const std::string path = "/v1/responses/" + response["id"].get<std::string>();
  EXPECT_EQ(ask(get(path)), response);

  const Json newest = ask(get(path + "/input_items?limit=1"));
  EXPECT_EQ(newest["object"], "list");
  ASSERT_EQ(newest["data"].size(), 1U);
  EXPECT_EQ(newest["data"][0]["content"][0]["text"], "two");
  EXPECT_EQ(newest["has_more"], true);
  EXPECT_EQ(newest["last_id"], newest["data"][0]["id"]);
  const Json rest = ask(get(path + "/input_items?after=" + newest["last_id"].get<std::string>()));
  EXPECT_EQ(rest["data"][0]["content"][0]["text"], "one");
  EXPECT_EQ(rest["has_more"], false);
  EXPECT_EQ(ask(get(path + "/input_items?order=asc"))["data"][0]["content"][0]["text"], "one");
  EXPECT_EQ(ask(get(path + "/input_items?limit=0"), 400)["error"]["param"], "limit");
  EXPECT_EQ(ask(get(path + "/input_items?order=up"), 400)["error"]["param"], "order");
  EXPECT_EQ(ask(get(path + "/input_items?after=x"), 400)["error"]["param"], "after");
  EXPECT_EQ(ask(post(path + "/cancel", "{}"), 400)["error"]["param"], "response_id");
  ask(get(path + "/nonsense"), 404);

  EXPECT_EQ(ask(remove(path))["deleted"], true);
  for (const std::string& gone :
       {get(path), remove(path), get(path + "/input_items"), post(path + "/cancel", "{}")}) {
    EXPECT_THAT(ask(gone, 404)["error"]["message"], HasSubstr("is not stored here"));
  }
  const Json refusal =
      create(fmt::format(R"({{"input":"x","previous_response_id":{}}})", response["id"].dump()), 400);
  EXPECT_EQ(refusal["error"]["code"], "previous_response_not_found");
  EXPECT_EQ(refusal["error"]["param"], "previous_response_id");
}

TEST_F(ResponsesRoutesTest, NothingIsStoredUnasked) {
  const Json response = create(R"({"input":"hi","store":false})");
  EXPECT_EQ(response["store"], false);
  ask(get("/v1/responses/" + response["id"].get<std::string>()), 404);
}

TEST_F(ResponsesRoutesTest, WorksWithoutAStore) {
  serve({});
  EXPECT_EQ(create(R"({"input":"hi"})")["store"], false);
  const Json refusal = create(R"({"input":"hi","previous_response_id":"resp_1"})", 400);
  EXPECT_EQ(refusal["error"]["param"], "previous_response_id");
  EXPECT_THAT(refusal["error"]["message"], HasSubstr("stores no responses"));
  EXPECT_EQ(create(R"({"input":[{"id":"msg_1"}]})", 400)["error"]["param"], "input[0]");
  ask(get("/v1/responses/resp_1"), 404);
  ask(remove("/v1/responses/resp_1"), 404);
}

TEST_F(ResponsesRoutesTest, CountingNeedsAModelThatIsThere) {
  EXPECT_EQ(ask(post("/v1/responses/input_tokens", R"({"input":"hi","model":"none"})"), 404)["error"]["code"],
            "model_not_found");
  EXPECT_EQ(ask(post("/v1/responses/input_tokens", R"({"input":7})"), 400)["error"]["param"], "input");
}

}  // namespace
}  // namespace hearth::api::openai::responses
