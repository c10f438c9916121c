// llama-server's surface over HTTP.
#include "api/llama_server/routes.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "api/json.h"
#include "api/testing/http_client.h"
#include "serving/text_model.h"

namespace hearth::api::llama_server {
namespace {

using api::testing::FakeService;
using api::testing::get;
using api::testing::post;
using api::testing::RunningServer;
using serving::TextDelta;

// A service with the words of a real, tiny model.
class LlamaServer : public ::testing::Test {
 protected:
  void SetUp() override {
    auto file = gguf::ModelFile::open(std::filesystem::path(HEARTH_TEST_DATA) / "models/stories260K.gguf");
    ASSERT_TRUE(file) << file.error().message;
    file_ = std::make_unique<gguf::ModelFile>(std::move(*file));
    auto words = serving::TextModel::open(*file_);
    ASSERT_TRUE(words) << words.error().message;
    service.text = std::move(*words);
    service.details.summary = service.models.front();
    server = std::make_unique<RunningServer>(service);
  }

  Json ask(std::string_view path, std::string_view body, int status = 200) {
    const auto reply = server->ask(post(path, body));
    EXPECT_EQ(reply.status, status) << reply.body;
    return Json::parse(reply.body);
  }

  std::unique_ptr<gguf::ModelFile> file_;
  FakeService service;
  std::unique_ptr<RunningServer> server;
};

TEST_F(LlamaServer, TokenizeAndBack) {
  const Json plain = ask("/tokenize", R"({"content":"Once upon a time"})");
  EXPECT_EQ(plain["tokens"], Json({403, 407, 261, 378}));
  EXPECT_EQ(ask("/tokenize", R"({"content":"Once upon a time","add_special":true})")["tokens"],
            Json({1, 403, 407, 261, 378}));
  const Json pieces = ask("/tokenize", R"({"content":"Once","with_pieces":true})")["tokens"];
  EXPECT_EQ(pieces[0]["id"], 403);
  EXPECT_TRUE(pieces[0]["piece"].is_string());
  EXPECT_EQ(ask("/detokenize", R"({"tokens":[403,407,261,378]})")["content"], "Once upon a time");
  EXPECT_EQ(ask("/detokenize", R"({"tokens":[]})")["content"], "");
  EXPECT_EQ(ask("/tokenize", R"({})")["tokens"], Json::array());
}

TEST_F(LlamaServer, BytesThatAreNoCharacterAreNumbers) {
  // A character that the vocabulary has only as bytes.
  const Json pieces = ask("/tokenize", R"({"content":"\u6f22","with_pieces":true})")["tokens"];
  bool numbers = false;
  for (const Json& piece : pieces) numbers |= piece["piece"].is_array();
  EXPECT_TRUE(numbers) << pieces.dump();
}

TEST_F(LlamaServer, WordsAreRefusedByName) {
  EXPECT_EQ(ask("/detokenize", R"({"tokens":"x"})", 400)["error"]["param"], "tokens");
  EXPECT_EQ(ask("/detokenize", R"({"tokens":[1,99999]})", 400)["error"]["param"], "tokens[1]");
  EXPECT_EQ(ask("/tokenize", R"({"content":5})", 400)["error"]["param"], "content");
  EXPECT_EQ(ask("/tokenize", R"({"content":"a","model":"nobody"})", 404)["error"]["code"], "model_not_found");
  EXPECT_EQ(ask("/tokenize", "[]", 400)["error"]["type"], "invalid_request_error");
}

TEST_F(LlamaServer, TemplatesWithoutGenerating) {
  const std::string chat = R"({"messages":[{"role":"user","content":"Hello there"}]})";
  const std::string prompt = ask("/apply-template", chat)["prompt"];
  EXPECT_NE(prompt.find("Hello there"), std::string::npos);
  const Json counted = ask("/v1/chat/completions/input_tokens", chat);
  EXPECT_GT(counted["input_tokens"], 3);
  EXPECT_EQ(ask("/apply-template", R"({"messages":[]})", 400)["error"]["param"], "messages");
  EXPECT_EQ(service.requests().size(), 0U);
}

TEST_F(LlamaServer, CompletionInOnePiece) {
  const Json json = ask("/completion", R"({"prompt":"a","n_predict":5,"temperature":0.5})");
  EXPECT_EQ(json["content"], "Hello, world");
  EXPECT_EQ(json["stop"], true);
  EXPECT_EQ(json["stop_type"], "eos");
  EXPECT_EQ(json["model"], "tiny/llama:q4");
  EXPECT_EQ(json["tokens_predicted"], 2);
  EXPECT_EQ(json["tokens_evaluated"], 3);
  EXPECT_EQ(json["tokens_cached"], 1);
  EXPECT_EQ(json["truncated"], false);
  EXPECT_EQ(json["prompt"], "a");
  EXPECT_EQ(json["tokens"], Json::array());
  EXPECT_EQ(json["generation_settings"]["temperature"], 0.5);
  EXPECT_EQ(json["generation_settings"]["n_predict"], 5);
  EXPECT_EQ(json["timings"]["predicted_n"], 2);
  EXPECT_FALSE(json.contains("completion_probabilities"));
  EXPECT_EQ(service.requests().at(0).max_tokens, 5);
}

TEST_F(LlamaServer, StopTypes) {
  service.play([](serving::TokenWriter& writer) {
    auto end = api::testing::end_after(1, 1);
    end.stop_string = "END";
    writer.push(end);
  });
  Json json = ask("/completion", R"({"prompt":"a","stop":["END"]})");
  EXPECT_EQ(json["stop_type"], "word");
  EXPECT_EQ(json["stopping_word"], "END");
  service.play([](serving::TokenWriter& writer) {
    writer.push(api::testing::end_after(1, 1, serving::FinishReason::kLength));
  });
  EXPECT_EQ(ask("/completion", R"({"prompt":"a"})")["stop_type"], "limit");
}

void two_tokens(serving::TokenWriter& writer) {
  TextDelta delta = api::testing::words("ab");
  delta.tokens.push_back({{"a", 11, -0.5f}, {{"a", 11, -0.5f}, {"x", 12, -1.0f}}});
  delta.tokens.push_back({{"b", 13, -0.25f}, {}});
  writer.push(delta);
  writer.push(api::testing::end_after(1, 2));
}

TEST_F(LlamaServer, TokensAndProbabilities) {
  service.play(two_tokens);
  Json json = ask("/completion", R"({"prompt":"a","n_probs":2,"return_tokens":true})");
  EXPECT_EQ(json["tokens"], Json({11, 13}));
  ASSERT_EQ(json["completion_probabilities"].size(), 2U);
  EXPECT_EQ(json["completion_probabilities"][0]["id"], 11);
  EXPECT_EQ(json["completion_probabilities"][0]["token"], "a");
  EXPECT_EQ(json["completion_probabilities"][0]["top_logprobs"][1]["id"], 12);
  EXPECT_EQ(json["completion_probabilities"][1]["bytes"], Json({98}));
  json = ask("/completion", R"({"prompt":"a","return_tokens":true})");
  EXPECT_EQ(json["tokens"], Json({11, 13}));
  EXPECT_FALSE(json.contains("completion_probabilities"));
}

TEST_F(LlamaServer, ResponseFieldsSelect) {
  const Json json =
      ask("/completion",
          R"({"prompt":"a","response_fields":["content","generation_settings/n_predict","none/x"]})");
  EXPECT_EQ(json, Json({{"content", "Hello, world"}, {"n_predict", -1}}));
}

TEST_F(LlamaServer, AListOfPromptsIsAnsweredWithAList) {
  const Json json = ask("/completion", R"({"prompt":["a","b"]})");
  ASSERT_TRUE(json.is_array());
  ASSERT_EQ(json.size(), 2U);
  EXPECT_EQ(json[1]["index"], 1);
  EXPECT_EQ(json[1]["prompt"], "b");
}

TEST_F(LlamaServer, StreamsUntilStop) {
  const auto reply = server->ask(post("/completion", R"({"prompt":"a","stream":true})"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.complete);
  std::vector<Json> events;
  std::string_view rest = reply.body;
  while (!rest.empty()) {
    const size_t end = rest.find("\n\n");
    ASSERT_NE(end, std::string_view::npos);
    events.push_back(Json::parse(rest.substr(6, end - 6)));
    rest.remove_prefix(end + 2);
  }
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0]["content"], "Hello");
  EXPECT_EQ(events[0]["stop"], false);
  EXPECT_EQ(events[1]["content"], ", world");
  EXPECT_EQ(events[2]["stop"], true);
  EXPECT_EQ(events[2]["content"], "");
  EXPECT_EQ(events[2]["tokens_predicted"], 2);
  EXPECT_TRUE(events[2].contains("timings"));
}

TEST_F(LlamaServer, InfillBecomesAGap) {
  ask("/infill", R"({"input_prefix":"int f(","input_suffix":"}","n_predict":3})");
  const auto request = service.requests().at(0);
  EXPECT_EQ(std::get<serving::InfillPrompt>(request.prompt).prefix, "int f(");
  EXPECT_EQ(request.max_tokens, 3);
  service.refuse({ErrorCategory::kUnsupported, "no tokens for it"});
  EXPECT_EQ(ask("/infill", R"({"input_prefix":"a","input_suffix":"b"})", 501)["error"]["type"],
            "not_supported_error");
}

TEST_F(LlamaServer, EmbeddingInItsOwnShapeAndInOpenAis) {
  service.play([](serving::TokenWriter& writer) {
    writer.push(serving::Embedding{0, {3, 4}});
    writer.push(api::testing::end_after(2, 0));
  });
  for (const char* path : {"/embedding", "/embeddings"}) {
    EXPECT_EQ(ask(path, R"({"content":"a","embd_normalize":-1})"),
              Json::parse(R"([{"index":0,"embedding":[[3.0,4.0]]}])"));
    EXPECT_EQ(ask(path, R"({"input":"a"})")["data"][0]["embedding"], Json({3.0, 4.0}));
  }
  EXPECT_FALSE(service.embedding_requests().at(0).normalise);
  EXPECT_TRUE(service.embedding_requests().at(1).normalise);
  EXPECT_NEAR(ask("/embedding", R"({"content":"a","embd_normalize":1})")[0]["embedding"][0][0].get<double>(),
              3.0 / 7, 1e-6);
  EXPECT_EQ(ask("/embedding", R"({"content":"a","embd_normalize":0})")[0]["embedding"][0][1], 32760.0);
  EXPECT_EQ(ask("/embedding", R"({"content":"a","embd_normalize":-2})", 400)["error"]["param"],
            "embd_normalize");
  EXPECT_EQ(ask("/embedding", R"({})", 400)["error"]["param"], "input");
}

TEST_F(LlamaServer, TellsOfItself) {
  service.details.chat_template = "{{ x }}";
  const auto reply = server->ask(get("/props"));
  ASSERT_EQ(reply.status, 200);
  const Json json = Json::parse(reply.body);
  EXPECT_EQ(json["default_generation_settings"]["n_ctx"], 4096);
  EXPECT_EQ(json["chat_template"], "{{ x }}");
  EXPECT_EQ(json["model_alias"], "tiny/llama:q4");
  EXPECT_EQ(json["modalities"]["vision"], false);
  EXPECT_EQ(json["bos_token"], "<s>");
  EXPECT_EQ(server->ask(get("/props?x=1&model=nobody")).status, 404);
  EXPECT_EQ(server->ask(get("/props?model=tiny/llama:q4")).status, 200);
  EXPECT_EQ(server->ask(get("/slots")).body, "[]");
  serving::LoadedModelState& loaded = service.loaded.emplace_back();
  loaded.summary = service.models[0];
  loaded.running = {
      {.id = 7, .prompt_tokens = 30, .cached_tokens = 10, .read_tokens = 25, .generated_tokens = 0}};
  EXPECT_EQ(
      server->ask(get("/slots")).body,
      R"([{"id":0,"id_task":7,"model":"tiny/llama:q4","n_ctx":4096,"is_processing":true,"n_prompt_tokens":30,)"
      R"("n_prompt_tokens_cache":10,"n_prompt_tokens_processed":15,"next_token":{"has_next_token":true,"n_decoded":0}}])");
  EXPECT_EQ(server->ask(get("/lora-adapters")).body, "[]");
}

}  // namespace
}  // namespace hearth::api::llama_server
