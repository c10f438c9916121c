#include "api/llama_server/completion_request.h"

#include <gtest/gtest.h>

namespace hearth::api::llama_server {
namespace {

std::string refused_field(const std::string& body, bool infill = false) {
  const auto parsed = infill ? parse_infill_request(body) : parse_completion_request(body);
  return parsed ? "accepted" : parsed.error().param;
}

TEST(LlamaCompletionRequest, ReadsItsFields) {
  const auto request = parse_completion_request(
      R"({"prompt":"a","n_predict":7,"temperature":0,"stop":["x"],"n_probs":3,"return_tokens":true,"stream":true,
          "grammar":"root ::= \"a\"","cache_prompt":true,"id_slot":2,"response_fields":["content"]})");
  ASSERT_TRUE(request) << request.error().message;
  ASSERT_EQ(request->generations.size(), 1U);
  const serving::GenerationRequest& generation = request->generations[0];
  EXPECT_EQ(std::get<serving::TextPrompt>(generation.prompt).text, "a");
  EXPECT_TRUE(std::get<serving::TextPrompt>(generation.prompt).parse_special);
  EXPECT_EQ(generation.max_tokens, 7);
  EXPECT_EQ(generation.sampling.temperature, 0.0f);
  EXPECT_EQ(generation.stop, std::vector<std::string>{"x"});
  EXPECT_TRUE(generation.logprobs);
  EXPECT_EQ(generation.top_logprobs, 3);
  EXPECT_EQ(std::get<serving::GbnfFormat>(generation.format).grammar, "root ::= \"a\"");
  EXPECT_TRUE(request->stream);
  EXPECT_TRUE(request->return_tokens);
  EXPECT_TRUE(request->probabilities);
  EXPECT_FALSE(request->list);
  EXPECT_EQ(request->response_fields, std::vector<std::string>{"content"});
}

TEST(LlamaCompletionRequest, TakesTokensAndLists) {
  const auto tokens = parse_completion_request(R"({"prompt":[1,2]})");
  ASSERT_TRUE(tokens);
  EXPECT_EQ(std::get<std::vector<text::TokenId>>(tokens->generations[0].prompt),
            (std::vector<text::TokenId>{1, 2}));
  EXPECT_FALSE(tokens->list);
  const auto list = parse_completion_request(R"({"prompt":["a",[3]]})");
  ASSERT_TRUE(list);
  EXPECT_EQ(list->generations.size(), 2U);
  EXPECT_TRUE(list->list);
  const auto schema = parse_completion_request(R"({"prompt":"a","json_schema":{"type":"object"}})");
  ASSERT_TRUE(schema);
  EXPECT_EQ(std::get<serving::JsonSchemaFormat>(schema->generations[0].format).schema,
            R"({"type":"object"})");
}

TEST(LlamaCompletionRequest, ErrorsNameTheField) {
  EXPECT_EQ(refused_field(R"({})"), "prompt");
  EXPECT_EQ(refused_field(R"({"prompt":5})"), "prompt");
  EXPECT_EQ(refused_field(R"({"prompt":"a","n_probs":-1})"), "n_probs");
  EXPECT_EQ(refused_field(R"({"prompt":"a","temperature":"hot"})"), "temperature");
  EXPECT_EQ(refused_field(R"({"prompt":"a","json_schema":3})"), "json_schema");
  EXPECT_EQ(refused_field(R"({"prompt":"a","json_schema":{},"grammar":"x"})"), "grammar");
  EXPECT_EQ(refused_field(R"({"prompt":"a","response_fields":"content"})"), "response_fields");
  EXPECT_EQ(refused_field(R"({"prompt":"a","response_fields":[1]})"), "response_fields");
}

TEST(LlamaInfillRequest, ReadsPiecesAndFiles) {
  const auto request = parse_infill_request(
      R"({"input_prefix":"a","input_suffix":"b","prompt":"c","input_extra":[{"filename":"f.h","text":"t"},{"text":"u"}]})");
  ASSERT_TRUE(request) << request.error().message;
  const auto& gap = std::get<serving::InfillPrompt>(request->generations.at(0).prompt);
  EXPECT_EQ(gap.prefix, "a");
  EXPECT_EQ(gap.suffix, "b");
  EXPECT_EQ(gap.beginning, "c");
  ASSERT_EQ(gap.files.size(), 2U);
  EXPECT_EQ(gap.files[0].name, "f.h");
  EXPECT_EQ(gap.files[1].text, "u");
}

TEST(LlamaInfillRequest, ErrorsNameTheField) {
  EXPECT_EQ(refused_field(R"({"input_suffix":"b"})", true), "input_prefix");
  EXPECT_EQ(refused_field(R"({"input_prefix":"a"})", true), "input_suffix");
  EXPECT_EQ(refused_field(R"({"input_prefix":"a","input_suffix":1})", true), "input_suffix");
  EXPECT_EQ(refused_field(R"({"input_prefix":"a","input_suffix":"","input_extra":{}})", true), "input_extra");
  EXPECT_EQ(refused_field(R"({"input_prefix":"a","input_suffix":"","input_extra":[{}]})", true),
            "input_extra[0].text");
  EXPECT_EQ(refused_field(R"({"input_prefix":"a","input_suffix":"","input_extra":["x"]})", true),
            "input_extra[0]");
  EXPECT_EQ(refused_field(R"({"input_prefix":"","input_suffix":""})", true), "accepted");
}

}  // namespace
}  // namespace hearth::api::llama_server
