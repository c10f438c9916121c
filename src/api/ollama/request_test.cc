// Bodies of the generating and embedding routes as native requests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/ollama/chat_request.h"
#include "api/ollama/embed_request.h"
#include "api/ollama/generate_request.h"

namespace hearth::api::ollama {
namespace {

using serving::ChatPrompt;
using serving::KeepAlive;
using serving::TextPrompt;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

DialectRequest chat(const std::string& body) {
  auto request = parse_chat_request(body);
  EXPECT_TRUE(request) << body << ": " << request.error().message;
  return request ? std::move(*request) : DialectRequest{};
}

DialectRequest generate(const std::string& body) {
  auto request = parse_generate_request(body);
  EXPECT_TRUE(request) << body << ": " << request.error().message;
  return request ? std::move(*request) : DialectRequest{};
}

const ChatPrompt& prompt_of(const DialectRequest& request) {
  return std::get<ChatPrompt>(request.generation.prompt);
}

std::string problem(const std::string& body,
                    Parsed<DialectRequest> (*parse)(std::string_view) = parse_chat_request) {
  const auto request = parse(body);
  if (request) return "no error";
  EXPECT_EQ(request.error().status, 400);
  return request.error().message;
}

TEST(OllamaChatRequest, HasTheDefaultsOfTheDialect) {
  const DialectRequest request = chat(R"({"model":"m","messages":[{"role":"user","content":"hi"}]})");
  EXPECT_TRUE(request.stream);
  EXPECT_FALSE(request.is_empty);
  EXPECT_TRUE(request.generation.truncate);
  EXPECT_EQ(request.generation.model, "m");
  EXPECT_FALSE(request.generation.keep_alive);
  EXPECT_FALSE(request.generation.max_tokens);
  EXPECT_FALSE(request.generation.context_length);
  EXPECT_FALSE(prompt_of(request).thinking);
  EXPECT_TRUE(prompt_of(request).add_generation_prompt);
}

TEST(OllamaChatRequest, ReadsMessagesCallsAndTools) {
  const DialectRequest request = chat(R"({
    "model":"m","stream":false,"truncate":false,
    "messages":[
      {"role":"System","content":"be kind"},
      {"role":"user","content":"weather?"},
      {"role":"assistant","content":"","thinking":"hm","tool_calls":[
        {"id":"c1","function":{"index":0,"name":"get_weather","arguments":{"city":"Tokyo","days":2}}},
        {"function":{"name":"again","arguments":"{\"x\":1}"}},
        {"function":{"name":"bare"}}]},
      {"role":"tool","content":"11 degrees","tool_name":"get_weather"},
      {"role":"tool","content":"12 degrees","tool_call_id":"c1"}],
    "tools":[{"type":"function","function":{"name":"get_weather","description":"d",
      "parameters":{"type":"object","properties":{"city":{"type":["string","null"]}}}}}]})");
  const ChatPrompt& prompt = prompt_of(request);
  ASSERT_EQ(prompt.messages.size(), 5u);
  EXPECT_EQ(prompt.messages[0].role, "system");
  EXPECT_EQ(prompt.messages[2].reasoning, "hm");
  ASSERT_EQ(prompt.messages[2].tool_calls.size(), 3u);
  EXPECT_EQ(dump(to_json(prompt.messages[2].tool_calls[0].arguments)), R"({"city":"Tokyo","days":2})");
  EXPECT_EQ(dump(to_json(prompt.messages[2].tool_calls[1].arguments)), R"({"x":1})");
  EXPECT_EQ(dump(to_json(prompt.messages[2].tool_calls[2].arguments)), "{}");
  EXPECT_EQ(prompt.messages[3].name, "get_weather");
  EXPECT_EQ(prompt.messages[4].name, "get_weather");  // from the call it answers
  EXPECT_EQ(
      dump(to_json(prompt.tools)),
      R"([{"type":"function","function":{"name":"get_weather","description":"d","parameters":{"type":"object","properties":{"city":{"type":["string","null"]}}}}}])");
  EXPECT_FALSE(request.stream);
  EXPECT_FALSE(request.generation.truncate);
}

TEST(OllamaChatRequest, ALastAssistantMessageIsContinued) {
  const DialectRequest request =
      chat(R"({"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"Well"}]})");
  EXPECT_FALSE(prompt_of(request).add_generation_prompt);
}

TEST(OllamaChatRequest, WithoutMessagesTheModelIsMeant) {
  EXPECT_TRUE(chat(R"({"model":"m"})").is_empty);
  EXPECT_TRUE(chat(R"({"model":"m","messages":[]})").is_empty);
  EXPECT_EQ(chat(R"({"model":"m","messages":null,"keep_alive":0})").generation.keep_alive, KeepAlive(0));
}

TEST(OllamaChatRequest, NamesWhatIsWrong) {
  EXPECT_EQ(problem(""), "missing request body");
  EXPECT_EQ(problem(" \n"), "missing request body");
  EXPECT_THAT(problem("{"), HasSubstr("not valid JSON"));
  EXPECT_THAT(problem(R"({"messages":[{"role":"x"}]})"), HasSubstr("messages[0].role: \"x\""));
  EXPECT_THAT(problem(R"({"messages":[1]})"), HasSubstr("messages[0]: must be an object"));
  EXPECT_THAT(problem(R"({"messages":{}})"), HasSubstr("messages: is a value of type object"));
  EXPECT_THAT(problem(R"({"messages":[{"role":"user","content":"x","images":["aGk="]}]})"),
              HasSubstr("messages[0].images"));
  EXPECT_THAT(
      problem(
          R"({"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":[]}}]}]})"),
      HasSubstr("messages[0].tool_calls[0].function.arguments"));
  EXPECT_THAT(problem(R"({"messages":[],"tools":[{"type":"function"}]})"), HasSubstr("tools[0].function"));
  EXPECT_THAT(problem(R"({"stream":1})"), HasSubstr("stream"));
}

TEST(OllamaRequest, Options) {
  const DialectRequest request = chat(R"({"options":{
    "temperature":1,"top_k":40.0,"top_p":0.9,"min_p":0.05,"typical_p":0.7,"repeat_last_n":33,"repeat_penalty":1.2,
    "presence_penalty":1.5,"frequency_penalty":1.0,"num_predict":7,"seed":42,"stop":["\n","user:"],"num_ctx":1024,
    "num_gpu":1,"num_thread":8.0,"use_mmap":true,"mirostat":1,"numa":"x","anything":{}}})");
  const serving::GenerationRequest& generation = request.generation;
  EXPECT_EQ(generation.sampling.temperature, 1.0f);
  EXPECT_EQ(generation.sampling.top_k, 40);
  EXPECT_EQ(generation.sampling.top_p, 0.9f);
  EXPECT_EQ(generation.sampling.penalty_window, 33);
  EXPECT_EQ(generation.sampling.repetition_penalty, 1.2f);
  EXPECT_EQ(generation.sampling.seed, 42u);
  EXPECT_EQ(generation.max_tokens, 7);
  EXPECT_EQ(generation.stop, (std::vector<std::string>{"\n", "user:"}));
  EXPECT_EQ(generation.context_length, 1024);
  EXPECT_EQ(chat(R"({"options":{"seed":3.0}})").generation.sampling.seed, 3u);
  EXPECT_FALSE(chat(R"({"options":{"num_ctx":0}})").generation.context_length);
  EXPECT_FALSE(chat(R"({"options":{"num_predict":-1}})").generation.max_tokens);
  EXPECT_FALSE(chat(R"({"options":{"num_predict":-2,"temperature":null}})").generation.max_tokens);
  EXPECT_FALSE(chat(R"({"options":null})").generation.sampling.seed);
}

TEST(OllamaRequest, OptionsOfTheWrongType) {
  EXPECT_EQ(problem(R"({"options":{"num_ctx":"4096"}})"), "option \"num_ctx\" must be of type integer");
  EXPECT_EQ(problem(R"({"options":{"num_thread":true}})"), "option \"num_thread\" must be of type integer");
  EXPECT_EQ(problem(R"({"options":{"temperature":"hot"}})"),
            "option \"temperature\" must be of type float32");
  EXPECT_EQ(problem(R"({"options":{"use_mmap":1}})"), "option \"use_mmap\" must be of type boolean");
  EXPECT_EQ(problem(R"({"options":{"stop":"x"}})"), "option \"stop\" must be of type array");
  EXPECT_THAT(problem(R"({"options":{"stop":[1]}})"), HasSubstr("options.stop"));
  EXPECT_THAT(problem(R"({"options":{"top_k":40.5}})"), HasSubstr("options.top_k"));
  EXPECT_THAT(problem(R"({"options":{"temperature":-1}})"), HasSubstr("options.temperature"));
  EXPECT_THAT(problem(R"({"options":{"num_ctx":-5}})"), HasSubstr("num_ctx"));
  EXPECT_THAT(problem(R"({"options":[]})"), HasSubstr("options"));
}

TEST(OllamaRequest, KeepAlive) {
  const auto kept = [](const std::string& value) {
    return chat(R"({"keep_alive":)" + value + "}").generation.keep_alive;
  };
  EXPECT_EQ(kept("300"), milliseconds(300'000));
  EXPECT_EQ(kept("0.5"), milliseconds(500));
  EXPECT_EQ(kept("0"), milliseconds(0));
  EXPECT_EQ(kept("\"0\""), milliseconds(0));
  EXPECT_EQ(kept("\"1h30m\""), milliseconds(5'400'000));
  EXPECT_EQ(kept("-1"), serving::kKeepForever);
  EXPECT_EQ(kept("\"-5s\""), serving::kKeepForever);
  EXPECT_EQ(kept("1e30"), serving::kKeepForever);
  EXPECT_FALSE(kept("null"));
  EXPECT_THAT(problem(R"({"keep_alive":"300"})"), HasSubstr("keep_alive: \"300\" is not a duration"));
  EXPECT_THAT(problem(R"({"keep_alive":true})"), HasSubstr("keep_alive"));
}

TEST(OllamaRequest, Format) {
  EXPECT_TRUE(std::holds_alternative<std::monostate>(chat(R"({"format":""})").generation.format));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(chat(R"({"format":null})").generation.format));
  EXPECT_TRUE(
      std::holds_alternative<serving::JsonObjectFormat>(chat(R"({"format":"json"})").generation.format));
  const auto schema = chat(R"({"format":{"type":"object","properties":{"b":{},"a":{}}}})").generation.format;
  EXPECT_EQ(std::get<serving::JsonSchemaFormat>(schema).schema,
            R"({"type":"object","properties":{"b":{},"a":{}}})");
  EXPECT_EQ(problem(R"({"format":"yaml"})"),
            "invalid format: \"yaml\"; expected \"json\" or a valid JSON Schema object");
  EXPECT_THAT(problem(R"({"format":3})"), HasSubstr("invalid format: 3"));
}

TEST(OllamaRequest, Think) {
  EXPECT_EQ(prompt_of(chat(R"({"think":true})")).thinking, true);
  EXPECT_EQ(prompt_of(chat(R"({"think":false})")).thinking, false);
  for (const std::string level : {"low", "medium", "high", "max"}) {
    const DialectRequest request = chat(R"({"think":")" + level + "\"}");
    EXPECT_EQ(prompt_of(request).thinking, true);
    EXPECT_EQ(prompt_of(request).template_arguments.find("reasoning_effort")->as_string().text,
              level == "max" ? "high" : level);
  }
  EXPECT_EQ(
      problem(R"({"think":"maybe"})"),
      "invalid think value: \"maybe\" (must be \"high\", \"medium\", \"low\", \"max\", true, or false)");
}

TEST(OllamaGenerateRequest, APromptIsOneTurn) {
  const DialectRequest request =
      generate(R"({"model":"m","prompt":"hi","system":"be kind","template":"{{ x }}","context":[1,2.0,3]})");
  const ChatPrompt& prompt = prompt_of(request);
  ASSERT_EQ(prompt.messages.size(), 2u);
  EXPECT_EQ(prompt.messages[0].role, "system");
  EXPECT_EQ(prompt.messages[1].content, "hi");
  EXPECT_EQ(prompt.chat_template, "{{ x }}");
  EXPECT_EQ(prompt.history, (std::vector<text::TokenId>{1, 2, 3}));
  EXPECT_TRUE(request.returns_context);
}

TEST(OllamaGenerateRequest, RawGoesToTheModelAsItIs) {
  const DialectRequest request = generate(R"({"prompt":"<s>hi","raw":true})");
  const auto& prompt = std::get<TextPrompt>(request.generation.prompt);
  EXPECT_EQ(prompt.text, "<s>hi");
  EXPECT_TRUE(prompt.parse_special);
  EXPECT_FALSE(request.returns_context);
  for (const char* body :
       {R"({"prompt":"x","raw":true,"system":"y"})", R"({"prompt":"x","raw":true,"template":"y"})",
        R"({"prompt":"x","raw":true,"context":[1]})"}) {
    EXPECT_EQ(problem(body, parse_generate_request),
              "raw mode does not support template, system, or context");
  }
}

TEST(OllamaGenerateRequest, ASuffixMakesAGap) {
  const DialectRequest request = generate(R"({"prompt":"int f(","suffix":"}"})");
  const auto& gap = std::get<serving::InfillPrompt>(request.generation.prompt);
  EXPECT_EQ(gap.prefix, "int f(");
  EXPECT_EQ(gap.suffix, "}");
  EXPECT_FALSE(request.returns_context);
}

TEST(OllamaGenerateRequest, NamesWhatIsWrong) {
  EXPECT_THAT(problem(R"({"prompt":"x","images":["aGk="]})", parse_generate_request), HasSubstr("images"));
  EXPECT_THAT(problem(R"({"prompt":1})", parse_generate_request), HasSubstr("prompt"));
  EXPECT_THAT(problem(R"({"prompt":"x","context":"y"})", parse_generate_request), HasSubstr("context"));
  EXPECT_THAT(problem(R"({"prompt":"x","context":[-1]})", parse_generate_request), HasSubstr("context"));
  EXPECT_TRUE(generate(R"({"prompt":"x","images":[],"suffix":""})").returns_context);
}

TEST(OllamaEmbedRequest, TakesOneTextOrSeveral) {
  EXPECT_EQ(parse_embed_request(R"({"model":"m","input":"a"})")->request.inputs.size(), 1u);
  const auto several = parse_embed_request(
      R"({"model":"m","input":["a","b"],"truncate":false,"dimensions":2,"keep_alive":"1s"})");
  ASSERT_TRUE(several);
  EXPECT_EQ(std::get<std::string>(several->request.inputs.at(1)), "b");
  EXPECT_FALSE(several->request.truncate);
  EXPECT_TRUE(several->request.normalise);
  EXPECT_EQ(several->dimensions, 2);
  EXPECT_EQ(several->request.keep_alive, milliseconds(1000));
  EXPECT_TRUE(parse_embed_request(R"({"model":"m","input":""})")->request.inputs.empty());
  EXPECT_TRUE(parse_embed_request(R"({"model":"m","input":[]})")->request.inputs.empty());
  EXPECT_EQ(parse_embed_request(R"({"input":[1]})").error().message, "invalid input type");
  EXPECT_EQ(parse_embed_request(R"({"input":"a","options":{"num_ctx":"x"}})").error().message,
            "option \"num_ctx\" must be of type integer");
}

TEST(OllamaEmbedRequest, TheOlderRouteHasOnePromptAndNoUnitLength) {
  const auto request = parse_embeddings_request(R"({"model":"m","prompt":"a"})");
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->single);
  EXPECT_FALSE(request->request.normalise);
  EXPECT_EQ(request->request.inputs.size(), 1u);
  EXPECT_TRUE(parse_embeddings_request(R"({"model":"m","prompt":""})")->request.inputs.empty());
}

}  // namespace
}  // namespace hearth::api::ollama
