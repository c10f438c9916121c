#include "api/openai/completion_request.h"

#include <gtest/gtest.h>

namespace hearth::api::openai {
namespace {

std::string refused_field(const std::string& body) {
  const auto parsed = parse_completion_request(body);
  return parsed ? "accepted" : parsed.error().param;
}

TEST(CompletionRequest, ReadsAllFormsOfPrompts) {
  const auto one = parse_completion_request(R"({"prompt":"a","max_tokens":0,"logprobs":0})");
  ASSERT_TRUE(one);
  ASSERT_EQ(one->generations.size(), 1u);
  EXPECT_EQ(std::get<serving::TextPrompt>(one->generations[0].prompt).text, "a");
  EXPECT_TRUE(std::get<serving::TextPrompt>(one->generations[0].prompt).parse_special);
  EXPECT_EQ(one->generations[0].max_tokens, 0);
  EXPECT_TRUE(one->generations[0].logprobs);
  EXPECT_EQ(one->generations[0].top_logprobs, 0);

  const auto lists = parse_completion_request(R"({"prompt":[[1,2],[3]],"n":2})");
  ASSERT_TRUE(lists);
  ASSERT_EQ(lists->generations.size(), 4u);
  EXPECT_EQ(lists->n_prompts, 2u);
  EXPECT_EQ(std::get<std::vector<text::TokenId>>(lists->generations[1].prompt),
            (std::vector<text::TokenId>{1, 2}));
  EXPECT_EQ(std::get<std::vector<text::TokenId>>(lists->generations[2].prompt),
            std::vector<text::TokenId>{3});

  const auto echo = parse_completion_request(R"({"prompt":["a","b"],"echo":true})");
  ASSERT_TRUE(echo);
  EXPECT_EQ(echo->echo, (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(echo->generations[0].score_prompt);
  const auto scored = parse_completion_request(R"({"prompt":[[1,2],[3]],"echo":true,"logprobs":0})");
  ASSERT_TRUE(scored);
  EXPECT_EQ(scored->echo, (std::vector<std::string>{"", ""}));  // the prompt comes from the model
  EXPECT_TRUE(scored->generations[1].score_prompt);
}

TEST(CompletionRequest, ASuffixMakesAGap) {
  const auto request = parse_completion_request(R"({"prompt":"a(","suffix":")b"})");
  ASSERT_TRUE(request);
  const auto& gap = std::get<serving::InfillPrompt>(request->generations.at(0).prompt);
  EXPECT_EQ(gap.prefix, "a(");
  EXPECT_EQ(gap.suffix, ")b");
}

TEST(CompletionRequest, ErrorsNameTheField) {
  const struct {
    const char* body;
    const char* field;
  } cases[] = {
      {R"({})", "prompt"},
      {R"({"prompt":null})", "prompt"},
      {R"({"prompt":[]})", "prompt"},
      {R"({"prompt":1})", "prompt"},
      {R"({"prompt":[1,-1]})", "prompt[0]"},
      {R"({"prompt":[1,2.5]})", "prompt[0]"},
      {R"({"prompt":["a",[]]})", "prompt[1]"},
      {R"({"prompt":[[1,"a"]]})", "prompt[0]"},
      {R"({"prompt":[[2147483648]]})", "prompt[0]"},
      {R"({"prompt":["","","","","","","","","","","","","","","","",""]})", "prompt"},
      {R"({"prompt":["a","b"],"n":9})", "n"},
      {R"({"prompt":"a","best_of":2})", "best_of"},
      {R"({"prompt":[1,2],"suffix":"b"})", "suffix"},
      {R"({"prompt":"a","logprobs":21})", "logprobs"},
      {R"({"prompt":"a","logprobs":true})", "logprobs"},
      {R"({"prompt":"a","echo":1})", "echo"},
      {R"({"prompt":"a","echo":true,"logprobs":1,"suffix":"b"})", "suffix"},
      {R"({"prompt":[1],"echo":true})", "echo"},
      {R"({"prompt":"a","top_p":2})", "top_p"},
  };
  for (const auto& one : cases) EXPECT_EQ(refused_field(one.body), one.field) << one.body;
  EXPECT_EQ(refused_field(R"({"prompt":"","best_of":1,"suffix":""})"), "accepted");
}

}  // namespace
}  // namespace hearth::api::openai
