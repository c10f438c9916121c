// A model that really calls tools, through every dialect: trained weights that know nothing of tools, the
// published templates of our families, and a grammar that leaves no other answer than a call.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "api/json.h"
#include "api/testing/http_client.h"
#include "gguf/writer.h"
#include "serving/model_pool.h"
#include "support.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;
using api::Json;
using api::testing::post;
using api::testing::Reply;
using ::testing::IsEmpty;
using ::testing::Not;
using testing_support::reference_set;
using testing_support::test_data;

constexpr int64_t kContext = 8192;
constexpr const char* kModel = "caller";

// What the tool of these tests takes; every value is one that a grammar can make certain.
const Json kParameters = Json::parse(R"({"type":"object","properties":{
    "city":{"type":"string","enum":["Oslo","Paris","Rome"]},
    "days":{"type":"integer","minimum":1,"maximum":7},
    "metric":{"type":"boolean"}},
    "required":["city","days","metric"],"additionalProperties":false})");
// Takes a long time to say.
const Json kLongParameters = Json::parse(
    R"({"type":"object","properties":{"note":{"type":"string","minLength":400}},"required":["note"]})");

void expect_valid(const Json& arguments) {
  ASSERT_TRUE(arguments.is_object()) << arguments;
  ASSERT_EQ(arguments.size(), 3U) << arguments;
  EXPECT_THAT(arguments["city"].get<std::string>(), ::testing::AnyOf("Oslo", "Paris", "Rome"));
  ASSERT_TRUE(arguments["days"].is_number_integer()) << arguments;
  EXPECT_GE(arguments["days"].get<int>(), 1);
  EXPECT_LE(arguments["days"].get<int>(), 7);
  EXPECT_TRUE(arguments["metric"].is_boolean()) << arguments;
}

// A published template with the tokens that it takes for granted.
struct Family {
  const char* chat_template;
  std::vector<std::string_view> tokens;
};

void PrintTo(const Family& family, std::ostream* out) {
  *out << family.chat_template;
}

// Entries of a vocabulary, with `tokens` as control tokens behind them.
Status copy_vocabulary(const gguf::ModelFile& file, std::span<const std::string_view> tokens,
                       gguf::GgufWriter& writer) {
  HEARTH_TRY(const auto known, file.metadata().get_string_array("tokenizer.ggml.tokens"));
  HEARTH_TRY(const auto scores, file.metadata().get_float_array("tokenizer.ggml.scores"));
  HEARTH_TRY(const auto types, file.metadata().get_int_array("tokenizer.ggml.token_type"));
  std::vector<std::string_view> all(known->begin(), known->end());
  all.insert(all.end(), tokens.begin(), tokens.end());
  std::vector<float> all_scores = *scores;
  std::vector<int32_t> all_types(types->begin(), types->end());
  all_scores.resize(all.size(), 0);
  all_types.resize(all.size(), static_cast<int32_t>(text::TokenType::kControl));
  writer.add_string_array("tokenizer.ggml.tokens", all);
  writer.add_float_array("tokenizer.ggml.scores", all_scores);
  writer.add_int_array("tokenizer.ggml.token_type", all_types);
  return {};
}

// A file like `source`, with another template, more tokens and a longer context. The rows of the new tokens
// are those of the first ones.
Status write_model(const fs::path& source, const fs::path& target, std::string_view chat_template,
                   std::span<const std::string_view> tokens) {
  HEARTH_TRY(const gguf::ModelFile file, gguf::ModelFile::open(source));
  gguf::GgufWriter writer;
  for (const gguf::MetadataEntry& entry : file.metadata().entries()) {
    if (entry.key == "tokenizer.chat_template" || entry.key == "llama.vocab_size") continue;
    if (entry.key == "tokenizer.ggml.scores" || entry.key == "tokenizer.ggml.token_type") continue;
    if (entry.key == "tokenizer.ggml.tokens") {
      HEARTH_CHECK_OK(copy_vocabulary(file, tokens, writer));
    } else if (entry.key == "llama.context_length") {
      writer.add_uint32(entry.key, kContext);
    } else {
      writer.copy(entry);
    }
  }
  writer.add_string("tokenizer.chat_template", chat_template);
  const auto has_rows = [](const gguf::TensorInfo& tensor) {
    return tensor.name == "token_embd.weight" || tensor.name == "output.weight";
  };
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    std::vector<uint64_t> dims(tensor.dims, tensor.dims + tensor.n_dims);
    if (has_rows(tensor)) dims[1] += tokens.size();
    writer.add_tensor(tensor.name, tensor.dtype, dims);
  }
  return writer.write(target, [&](size_t index, gguf::TensorSink& sink) -> Status {
    const gguf::TensorInfo& tensor = file.tensors()[index];
    HEARTH_CHECK_OK(sink.write(tensor.bytes));
    if (!has_rows(tensor)) return {};
    return sink.write(tensor.bytes.first(tensor.bytes.size() / tensor.dims[1] * tokens.size()));
  });
}

// Ollama's dialect cannot ask for a call; here every request does, as if the model wanted to. Reasoning ends
// after a few tokens, which a model that knows nothing about it would not do.
class Eager : public serving::GenerationService {
 public:
  explicit Eager(std::unique_ptr<serving::ModelPool> pool) : pool_(std::move(pool)) {}

  bool always_calls = false;

  std::vector<serving::ModelSummary> list_models() const override { return pool_->list_models(); }
  std::vector<serving::LoadedModelState> loaded_models() const override { return pool_->loaded_models(); }
  std::vector<serving::AwaitedModel> awaited_models() const override { return pool_->awaited_models(); }
  serving::MemoryUse memory() const override { return pool_->memory(); }
  std::string resolve(const std::string& name) const override { return pool_->resolve(name); }
  Result<serving::ModelSummary> find(const std::string& name) override { return pool_->find(name); }
  Result<serving::ModelDetails> describe(const std::string& name) override { return pool_->describe(name); }
  Result<std::shared_ptr<const serving::TextModel>> text_model(const std::string& name) override {
    return pool_->text_model(name);
  }
  Result<serving::TokenStream> preload(const std::string& name,
                                       std::optional<serving::KeepAlive> keep_alive) override {
    return pool_->preload(name, keep_alive);
  }
  Status unload(const std::string& name) override { return pool_->unload(name); }
  Result<serving::TokenStream> generate(serving::GenerationRequest request) override {
    if (always_calls) request.tool_choice.mode = serving::ToolChoice::Mode::kRequired;
    request.thinking_budget = 8;
    return pool_->generate(std::move(request));
  }
  Result<serving::TokenStream> embed(serving::EmbeddingRequest request) override {
    return pool_->embed(std::move(request));
  }
  Result<serving::TokenStream> rank(serving::RankRequest request) override {
    return pool_->rank(std::move(request));
  }
  std::optional<serving::PrefixDiskState> prefix_disk() const override { return pool_->prefix_disk(); }
  bool healthy(std::string* why) const override { return pool_->healthy(why); }
  void shut_down(int grace_ms) override { pool_->shut_down(grace_ms); }

 private:
  std::unique_ptr<serving::ModelPool> pool_;
};

// The data of all server-sent events.
std::vector<Json> sent_events(const std::string& body) {
  std::vector<Json> events;
  size_t at = 0;
  while ((at = body.find("data: ", at)) != std::string::npos) {
    at += 6;
    const std::string data = body.substr(at, body.find('\n', at) - at);
    if (data != "[DONE]") events.push_back(Json::parse(data));
  }
  return events;
}

// An answer, whatever dialect it came in.
struct Answer {
  struct Call {
    std::string id, name, arguments;  // a JSON text
  };
  std::vector<Call> calls;
  std::string text, reasoning, reason;
};

class ToolCallsTest : public ::testing::TestWithParam<Family> {
 protected:
  void SetUp() override {
    const fs::path templates = reference_set("templates");
    HEARTH_NEEDS(templates);
    std::ifstream stream(templates / (std::string(GetParam().chat_template) + ".jinja"), std::ios::binary);
    const std::string chat_template((std::istreambuf_iterator<char>(stream)),
                                    std::istreambuf_iterator<char>());
    ASSERT_THAT(chat_template, Not(IsEmpty()));
    std::string folder = (fs::temp_directory_path() / "hearth-calls-XXXXXX").string();
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    const fs::path file = folder_ / (std::string(kModel) + ".gguf");
    const Status written =
        write_model(test_data("models/stories260K.gguf"), file, chat_template, GetParam().tokens);
    ASSERT_TRUE(written) << written.error().message;
    serving::ModelPoolOptions options;
    options.n_threads = 2;
    options.context_length = kContext;
    auto pool = serving::ModelPool::create(options);
    ASSERT_TRUE(pool) << pool.error().message;
    const auto loaded = (*pool)->load(file);
    ASSERT_TRUE(loaded) << loaded.error().message;
    ASSERT_TRUE(loaded->capabilities.tools);
    thinks_ = loaded->capabilities.thinking;
    service_ = std::make_unique<Eager>(std::move(*pool));
    server_ = std::make_unique<api::testing::RunningServer>(*service_);
  }
  void TearDown() override {
    server_.reset();
    service_.reset();
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  std::string ask(const char* path, const Json& body) const {
    const Reply reply = server_->ask(post(path, body.dump()));
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_TRUE(reply.complete);
    return reply.body;
  }

  static Json request(const Json& parameters, bool streamed) {
    return Json{
        {"model", kModel},
        {"messages", Json::array({Json{{"role", "user"}, {"content", "How is the weather in Oslo?"}}})},
        {"tools", Json::array({tool("get_weather", parameters), tool("stop", Json::object())})},
        {"stream", streamed}};
  }
  static Json tool(const char* name, Json parameters) {
    Json function{{"name", name}};  // neither of the others is needed
    if (!parameters.empty())
      function["description"] = "Does it.", function["parameters"] = std::move(parameters);
    return Json{{"type", "function"}, {"function", std::move(function)}};
  }

  Answer openai(Json body) const {
    const bool streamed = body["stream"].get<bool>();
    const std::string text = ask("/v1/chat/completions", body);
    Answer answer;
    for (const Json& event : streamed ? sent_events(text) : std::vector<Json>{Json::parse(text)}) {
      for (const Json& choice : event["choices"]) {
        const Json& message = choice[streamed ? "delta" : "message"];
        if (message.contains("content") && message["content"].is_string()) answer.text += message["content"];
        if (message.contains("reasoning_content")) answer.reasoning += message["reasoning_content"];
        if (choice["finish_reason"].is_string()) answer.reason = choice["finish_reason"];
        if (!message.contains("tool_calls")) continue;
        size_t position = 0;
        for (const Json& piece : message["tool_calls"]) {
          const size_t index = streamed ? piece["index"].get<size_t>() : position++;
          if (index >= answer.calls.size()) answer.calls.resize(index + 1);
          Answer::Call& call = answer.calls[index];
          if (piece.contains("id")) call.id += piece["id"];
          const Json& function = piece["function"];
          if (function.contains("name")) call.name += function["name"];
          if (function.contains("arguments")) call.arguments += function["arguments"];
        }
      }
    }
    return answer;
  }

  Answer ollama(const Json& body) const {
    std::istringstream lines(ask("/api/chat", body));
    Answer answer;
    for (std::string line; std::getline(lines, line);) {
      const Json json = Json::parse(line);
      const Json& message = json["message"];
      answer.text += message["content"];
      if (message.contains("thinking")) answer.reasoning += message["thinking"];
      if (json.contains("done_reason")) answer.reason = json["done_reason"];
      if (!message.contains("tool_calls")) continue;
      for (const Json& call : message["tool_calls"]) {
        const Json& function = call["function"];
        EXPECT_EQ(function["index"], answer.calls.size());
        answer.calls.push_back({call["id"], function["name"], function["arguments"].dump()});
      }
    }
    return answer;
  }

  static Json anthropic_request(const Json& parameters, bool streamed) {
    Json body = request(parameters, streamed);
    body["max_tokens"] = 600;
    body["tools"] =
        Json::array({Json{{"name", "get_weather"}, {"description", "Does it."}, {"input_schema", parameters}},
                     Json{{"name", "stop"}, {"input_schema", Json{{"type", "object"}}}}});
    return body;
  }
  Answer anthropic(const Json& body) const {
    const std::string text = ask("/v1/messages", body);
    Answer answer;
    const auto begin = [&](const Json& block) {
      if (block["type"] == "tool_use") answer.calls.push_back({block["id"], block["name"], ""});
    };
    if (body["stream"].get<bool>()) {
      for (const Json& event : sent_events(text)) {
        if (event["type"] == "content_block_start") begin(event["content_block"]);
        if (event["type"] == "message_delta") answer.reason = event["delta"]["stop_reason"];
        if (event["type"] != "content_block_delta") continue;
        const Json& delta = event["delta"];
        if (delta.contains("text")) answer.text += delta["text"];
        if (delta.contains("thinking")) answer.reasoning += delta["thinking"];
        if (delta.contains("partial_json")) answer.calls.back().arguments += delta["partial_json"];
      }
      return answer;
    }
    const Json message = Json::parse(text);
    answer.reason = message["stop_reason"];
    for (const Json& block : message["content"]) {
      begin(block);
      if (block["type"] == "tool_use") answer.calls.back().arguments = block["input"].dump();
      if (block["type"] == "text") answer.text += block["text"];
      if (block["type"] == "thinking") answer.reasoning += block["thinking"];
    }
    return answer;
  }

  static void expect_one_good_call(const Answer& answer, const char* reason) {
    ASSERT_EQ(answer.calls.size(), 1U) << answer.text;
    EXPECT_EQ(answer.calls[0].name, "get_weather");
    EXPECT_TRUE(answer.calls[0].id.starts_with("call_")) << answer.calls[0].id;
    ASSERT_TRUE(Json::accept(answer.calls[0].arguments)) << answer.calls[0].arguments;
    expect_valid(Json::parse(answer.calls[0].arguments));
    EXPECT_EQ(answer.text, "");
    EXPECT_EQ(answer.reason, reason);
  }

  fs::path folder_;
  bool thinks_ = false;
  std::unique_ptr<Eager> service_;
  std::unique_ptr<api::testing::RunningServer> server_;
};

TEST_P(ToolCallsTest, OpenAi) {
  for (const bool streamed : {false, true}) {
    for (const bool thinking : {false, true}) {
      SCOPED_TRACE(fmt::format("streamed {} thinking {}", streamed, thinking));
      Json body = request(kParameters, streamed);
      body["tool_choice"] = Json{{"type", "function"}, {"function", Json{{"name", "get_weather"}}}};
      body["parallel_tool_calls"] = false;
      body["seed"] = 7;
      if (thinks_) body["chat_template_kwargs"] = Json{{"enable_thinking", thinking}};
      expect_one_good_call(openai(body), "tool_calls");
    }
  }
}

// One tool of several, as often as the model likes.
TEST_P(ToolCallsTest, OpenAiRequiredAndParallel) {
  Json body = request(kParameters, true);
  body["tool_choice"] = "required";
  body["max_tokens"] = 400;
  for (int seed = 0; seed < 4; ++seed) {
    body["seed"] = seed;
    const Answer answer = openai(body);
    ASSERT_THAT(answer.calls, Not(IsEmpty()));
    for (size_t i = 0; i < answer.calls.size(); ++i) {
      const Answer::Call& call = answer.calls[i];
      const bool cut = answer.reason == "length" && i + 1 == answer.calls.size();
      if (cut && !Json::accept(call.arguments)) continue;
      ASSERT_TRUE(Json::accept(call.arguments)) << call.arguments;
      if (call.name == "get_weather") {
        expect_valid(Json::parse(call.arguments));
      } else {
        EXPECT_EQ(call.name, "stop");
      }
    }
    EXPECT_THAT(answer.reason, ::testing::AnyOf("tool_calls", "length"));
  }
}

TEST_P(ToolCallsTest, Anthropic) {
  for (const bool streamed : {false, true}) {
    for (const bool thinking : {false, true}) {
      SCOPED_TRACE(fmt::format("streamed {} thinking {}", streamed, thinking));
      Json body = anthropic_request(kParameters, streamed);
      body["tool_choice"] =
          Json{{"type", "tool"}, {"name", "get_weather"}, {"disable_parallel_tool_use", true}};
      if (thinking) body["thinking"] = Json{{"type", "enabled"}, {"budget_tokens", 1024}};
      expect_one_good_call(anthropic(body), "tool_use");
    }
  }
}

TEST_P(ToolCallsTest, Ollama) {
  service_->always_calls = true;
  for (const bool streamed : {false, true}) {
    for (const bool thinking : {false, true}) {
      SCOPED_TRACE(fmt::format("streamed {} thinking {}", streamed, thinking));
      Json body = request(kParameters, streamed);
      body["tools"].erase(1);
      body["options"] = Json{{"num_predict", 600}, {"seed", 7}};
      if (thinks_) body["think"] = thinking;
      const Answer answer = ollama(body);
      ASSERT_THAT(answer.calls, Not(IsEmpty())) << answer.text;
      for (const Answer::Call& call : answer.calls) {
        EXPECT_EQ(call.name, "get_weather");
        expect_valid(Json::parse(call.arguments));
      }
    }
  }
}

// A call that a limit cuts is not whole in any dialect, and the reason says why it ended.
TEST_P(ToolCallsTest, ALimitWithinTheArgumentsIsSaid) {
  service_->always_calls = true;
  constexpr int kLimit = 200;
  for (const bool streamed : {false, true}) {
    SCOPED_TRACE(streamed ? "streamed" : "in one piece");
    Json body = request(kLongParameters, streamed);
    body["tools"].erase(1);
    body["max_tokens"] = kLimit;
    const Answer cut = openai(body);
    EXPECT_EQ(cut.reason, "length");
    ASSERT_EQ(cut.calls.size(), 1U);
    EXPECT_EQ(cut.calls[0].name, "get_weather");
    EXPECT_FALSE(Json::accept(cut.calls[0].arguments)) << cut.calls[0].arguments;

    Json agent = anthropic_request(kLongParameters, streamed);
    agent["tools"].erase(1);
    agent["max_tokens"] = kLimit;
    const Answer stopped = anthropic(agent);
    EXPECT_EQ(stopped.reason, "max_tokens");
    for (const Answer::Call& call : stopped.calls) EXPECT_FALSE(Json::accept(call.arguments));

    body.erase("max_tokens");
    body["options"] = Json{{"num_predict", kLimit}};
    const Answer ended = ollama(body);
    EXPECT_EQ(ended.reason, "length");
    EXPECT_THAT(ended.calls, IsEmpty()) << "this dialect has no half calls";
  }
}

// What a call was answered with goes back to the model, in every dialect's own form.
TEST_P(ToolCallsTest, ResultsAreReadInTheNextTurn) {
  Json body = request(kParameters, false);
  Json call = Json{{"id", "call00001"},
                   {"type", "function"},
                   {"function", Json{{"name", "get_weather"}, {"arguments", R"({"city":"Oslo"})"}}}};
  body["messages"].push_back(
      Json{{"role", "assistant"}, {"content", nullptr}, {"tool_calls", Json::array({call})}});
  body["messages"].push_back(Json{{"role", "tool"}, {"tool_call_id", "call00001"}, {"content", "xrainx"}});
  const std::string prompt = Json::parse(ask("/apply-template", body))["prompt"];
  EXPECT_THAT(prompt, ::testing::HasSubstr("get_weather"));
  EXPECT_THAT(prompt, ::testing::HasSubstr("xrainx"));
  const size_t question = prompt.find("How is the weather");
  ASSERT_NE(question, std::string::npos);
  EXPECT_NE(prompt.find("Oslo", question + 30), std::string::npos) << "the call's arguments: " << prompt;
}

const std::vector<Family> kFamilies = {
    {"google-gemma-4-31B-it",
     {"<|tool_call>", "<tool_call|>", "<|\"|>", "<|turn>", "<turn|>", "<|channel>", "<channel|>"}},
    {"meta-llama-Llama-3.1-8B-Instruct", {}},
    {"NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use", {}},
    {"Qwen-Qwen3-0.6B", {}},
    {"llama-cpp-deepseek-r1",
     {"<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>",
      "<｜tool▁calls▁end｜>", "<｜User｜>", "<｜Assistant｜>", "<｜end▁of▁sentence｜>", "<think>",
      "</think>"}}};

INSTANTIATE_TEST_SUITE_P(Templates, ToolCallsTest, ::testing::ValuesIn(kFamilies), [](const auto& family) {
  std::string text = family.param.chat_template;
  std::replace_if(
      text.begin(), text.end(), [](char c) { return !std::isalnum(c); }, '_');
  return text;
});

}  // namespace
}  // namespace hearth
