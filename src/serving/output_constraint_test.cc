#include "serving/output_constraint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/testing/small_vocabulary.h"

namespace hearth::serving {
namespace {

using ::testing::HasSubstr;
using text::TokenId;

struct Words {
  text::testing::SmallVocabulary builder{"llama"};
  TokenId unknown = builder.add("<unk>", text::TokenType::kUnknown);
  TokenId end = builder.control("</s>");
  TokenId think, think_end, a, b, quote, brace, spread;
  std::unique_ptr<text::Tokenizer> tokenizer;

  explicit Words(bool with_think_tokens) {
    builder.add_byte_tokens();
    think = with_think_tokens ? builder.control("<think>") : builder.add("<think");
    think_end = with_think_tokens ? builder.control("</think>") : builder.add("</think");
    a = builder.add("a");
    b = builder.add("b");
    quote = builder.add("\"");
    brace = builder.add("{");
    spread = builder.add(">\n\na");  // ends a mark and goes on
    builder.spec().eos = end;
    builder.spec().unknown = unknown;
    auto created = builder.create();
    EXPECT_TRUE(created) << created.error().message;
    tokenizer = std::move(*created);
  }
  TokenId byte(std::string_view spelling) const { return *tokenizer->find(spelling); }
};

GenerationRequest chat(OutputFormat format, std::optional<bool> thinking = {}) {
  GenerationRequest request;
  ChatPrompt prompt;
  prompt.thinking = thinking;
  request.prompt = std::move(prompt);
  request.format = std::move(format);
  return request;
}

bool allows(engine::TokenConstraint& constraint, TokenId id) {
  const auto mask = constraint.allowed();
  EXPECT_TRUE(mask) << mask.error().message;
  if (!*mask) return true;
  const auto index = static_cast<size_t>(id);
  return index / 64 < (*mask)->size() && ((**mask)[index / 64] >> (index % 64) & 1) != 0;
}

const GbnfFormat kA{"root ::= \"a\"+"};

TEST(OutputConstraint, NothingIsAskedForNothingIsConstrained) {
  const Words words(true);
  GrammarCache grammars(*words.tokenizer);
  const auto none = constraint_for(chat({}), *words.tokenizer, {}, grammars);
  ASSERT_TRUE(none);
  EXPECT_EQ(*none, nullptr);
}

TEST(OutputConstraint, HoldsFromTheStartWithoutReasoning) {
  const Words words(true);
  GrammarCache grammars(*words.tokenizer);
  GenerationRequest request = chat(kA);
  request.prompt = TextPrompt{};
  const auto constraint = *constraint_for(request, *words.tokenizer, std::vector{words.think}, grammars);
  EXPECT_TRUE(allows(*constraint, words.a));
  for (const TokenId id : {words.b, words.think, words.end}) EXPECT_FALSE(allows(*constraint, id));
  ASSERT_TRUE(constraint->accept(words.a));
  EXPECT_TRUE(allows(*constraint, words.end));
}

TEST(OutputConstraint, StartsAfterReasoningThatThePromptLeavesOpen) {
  const Words words(true);
  GrammarCache grammars(*words.tokenizer);
  const std::vector<TokenId> prompt = {words.think, words.b, words.think_end, words.a, words.think};
  const auto constraint = *constraint_for(chat(kA), *words.tokenizer, prompt, grammars);
  for (const TokenId id : {words.b, words.brace, words.think_end}) EXPECT_TRUE(allows(*constraint, id));
  EXPECT_FALSE(allows(*constraint, words.end));  // not before the answer
  ASSERT_TRUE(constraint->accept(words.b));
  EXPECT_TRUE(allows(*constraint, words.b));
  ASSERT_TRUE(constraint->accept(words.think_end));
  EXPECT_TRUE(allows(*constraint, words.a));
  EXPECT_FALSE(allows(*constraint, words.b));
}

TEST(OutputConstraint, TheModelMayOpenItsReasoningItself) {
  const Words words(true);
  GrammarCache grammars(*words.tokenizer);
  const auto make = [&](std::optional<bool> thinking, const std::vector<TokenId>& prompt) {
    return *constraint_for(chat(kA, thinking), *words.tokenizer, prompt, grammars);
  };
  const auto thinks = make({}, {words.b});
  EXPECT_TRUE(allows(*thinks, words.think));
  EXPECT_TRUE(allows(*thinks, words.a));
  ASSERT_TRUE(thinks->accept(words.think));
  EXPECT_TRUE(allows(*thinks, words.b));
  ASSERT_TRUE(thinks->accept(words.think_end));
  EXPECT_FALSE(allows(*thinks, words.think));
  EXPECT_TRUE(allows(*thinks, words.a));

  const auto answers = make(true, {words.b});
  ASSERT_TRUE(answers->accept(words.a));
  EXPECT_FALSE(allows(*answers, words.think));
  EXPECT_FALSE(allows(*make(false, {words.b}), words.think));
  EXPECT_FALSE(allows(*make({}, {words.think, words.think_end}), words.think));  // the template closed it
}

TEST(OutputConstraint, FindsMarksThatAreText) {
  const Words words(false);
  GrammarCache grammars(*words.tokenizer);
  const TokenId close = words.byte("<0x3E>");
  const auto constraint = *constraint_for(chat(kA), *words.tokenizer,
                                          std::vector{words.think, close, words.byte("<0x0A>")}, grammars);
  for (const TokenId id : {words.b, words.think_end, words.b, words.think_end}) {
    EXPECT_TRUE(allows(*constraint, words.b));
    ASSERT_TRUE(constraint->accept(id));
  }
  ASSERT_TRUE(constraint->accept(words.spread));  // with the answer's first letter
  EXPECT_FALSE(allows(*constraint, words.b));
  EXPECT_TRUE(allows(*constraint, words.a));
  EXPECT_TRUE(allows(*constraint, words.end));
}

TEST(OutputConstraint, EveryFormat) {
  const Words words(true);
  GrammarCache grammars(*words.tokenizer);
  const auto make = [&](OutputFormat format) {
    return constraint_for(chat(std::move(format), false), *words.tokenizer, {}, grammars);
  };
  EXPECT_TRUE(allows(**make(JsonObjectFormat{}), words.brace));
  EXPECT_FALSE(allows(**make(JsonObjectFormat{}), words.quote));
  EXPECT_TRUE(allows(**make(JsonSchemaFormat{R"({"type":"string"})"}), words.quote));
  EXPECT_FALSE(allows(**make(JsonSchemaFormat{R"({"type":"string"})"}), words.brace));

  for (const OutputFormat& wrong :
       {OutputFormat(JsonSchemaFormat{R"({"not":{}})"}), OutputFormat(GbnfFormat{"root ::= x"})}) {
    const auto refused = make(wrong);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().category, ErrorCategory::kInvalidArgument);
  }
  EXPECT_THAT(make(JsonSchemaFormat{R"({"not":{}})"}).error().message, HasSubstr("\"not\""));
}

TEST(GrammarCache, KeepsGrammarsByWhatTheyWereMadeOf) {
  const Words words(true);
  GrammarCache grammars(*words.tokenizer);
  int n_compiled = 0;
  const auto get = [&](const std::string& key) {
    return *grammars.get(key, [&] {
      ++n_compiled;
      return text::grammar::Grammar::from_gbnf("root ::= \"a\"");
    });
  };
  const auto first = get("1");
  EXPECT_EQ(get("1"), first);
  EXPECT_NE(get("2"), first);
  EXPECT_EQ(n_compiled, 2);
  for (size_t i = 0; i < GrammarCache::kMaxGrammars; ++i) get(fmt::format("x{}", i));
  EXPECT_NE(get("1"), first);  // forgotten, and still there for who has it
}

}  // namespace
}  // namespace hearth::serving
