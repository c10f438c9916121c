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
  text::OutputSyntax syntax() const {
    text::OutputSyntax syntax;
    syntax.use_reasoning_of("</think>");
    syntax.use_calls(text::CallNotation::kTaggedJson);
    syntax.bind(*tokenizer);
    return syntax;
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

class OutputConstraintTest : public testing::Test {
 protected:
  Result<std::shared_ptr<engine::TokenConstraint>> make(const GenerationRequest& request,
                                                        const std::vector<TokenId>& prompt = {},
                                                        bool in_reasoning = false) {
    return constraint_for(request, {prompt, &syntax_, in_reasoning}, grammars_);
  }

  Words words_{true};
  text::OutputSyntax syntax_ = words_.syntax();
  GrammarCache grammars_{*words_.tokenizer};
};

TEST_F(OutputConstraintTest, NothingIsAskedForNothingIsConstrained) {
  EXPECT_EQ(*make(chat({})), nullptr);
  EXPECT_EQ(*make(chat({}), {}, true), nullptr);
}

TEST_F(OutputConstraintTest, HoldsFromTheStartWithoutReasoning) {
  GenerationRequest request = chat(kA);
  request.prompt = TextPrompt{};
  const auto constraint = *make(request, {words_.think});
  EXPECT_TRUE(allows(*constraint, words_.a));
  for (const TokenId id : {words_.b, words_.think, words_.end}) EXPECT_FALSE(allows(*constraint, id));
  ASSERT_TRUE(constraint->accept(words_.a));
  EXPECT_TRUE(allows(*constraint, words_.end));
}

TEST_F(OutputConstraintTest, StartsAfterReasoningThatThePromptLeavesOpen) {
  const auto constraint = *make(chat(kA), {words_.think}, true);
  for (const TokenId id : {words_.b, words_.brace, words_.think_end}) EXPECT_TRUE(allows(*constraint, id));
  EXPECT_FALSE(allows(*constraint, words_.end));  // not before the answer
  ASSERT_TRUE(constraint->accept(words_.b));
  EXPECT_TRUE(allows(*constraint, words_.b));
  ASSERT_TRUE(constraint->accept(words_.think_end));
  EXPECT_TRUE(allows(*constraint, words_.a));
  EXPECT_FALSE(allows(*constraint, words_.b));
}

TEST_F(OutputConstraintTest, TheModelMayOpenItsReasoningItself) {
  const auto thinks = *make(chat(kA), {words_.b});
  EXPECT_TRUE(allows(*thinks, words_.think));
  EXPECT_TRUE(allows(*thinks, words_.a));
  ASSERT_TRUE(thinks->accept(words_.think));
  EXPECT_TRUE(allows(*thinks, words_.b));
  ASSERT_TRUE(thinks->accept(words_.think_end));
  EXPECT_FALSE(allows(*thinks, words_.think));
  EXPECT_TRUE(allows(*thinks, words_.a));

  const auto answers = *make(chat(kA, true), {words_.b});
  ASSERT_TRUE(answers->accept(words_.a));
  EXPECT_FALSE(allows(*answers, words_.think));
  EXPECT_FALSE(allows(**make(chat(kA, false), {words_.b}), words_.think));
  // The template closed it.
  EXPECT_FALSE(allows(**make(chat(kA), {words_.think, words_.think_end}), words_.think));
}

TEST_F(OutputConstraintTest, ReasoningBeginsWithItsHeader) {
  syntax_.reasoning_header = "ab";
  const auto thinks = *make(chat(kA), {words_.b});
  ASSERT_TRUE(thinks->accept(words_.think));
  EXPECT_FALSE(allows(*thinks, words_.b));
  EXPECT_FALSE(allows(*thinks, words_.think_end));
  ASSERT_TRUE(thinks->accept(words_.a));
  EXPECT_FALSE(allows(*thinks, words_.a));
  ASSERT_TRUE(thinks->accept(words_.b));
  for (const TokenId id : {words_.a, words_.b, words_.quote}) EXPECT_TRUE(allows(*thinks, id));
  ASSERT_TRUE(thinks->accept(words_.think_end));
  EXPECT_TRUE(allows(*thinks, words_.a));
  EXPECT_FALSE(allows(*thinks, words_.b));
}

TEST_F(OutputConstraintTest, ReasoningEndsWithItsBudget) {
  GenerationRequest request = chat(kA);
  request.thinking_budget = 2;
  for (const bool with_format : {true, false}) {
    if (!with_format) request.format = {};
    const auto constraint = *make(request, {}, true);
    for (int i = 0; i < 2; ++i) {
      EXPECT_TRUE(allows(*constraint, words_.b));
      ASSERT_TRUE(constraint->accept(words_.b));
    }
    EXPECT_FALSE(allows(*constraint, words_.b));
    EXPECT_TRUE(allows(*constraint, words_.think_end));
    ASSERT_TRUE(constraint->accept(words_.think_end));
    EXPECT_TRUE(allows(*constraint, words_.a));
    EXPECT_EQ(allows(*constraint, words_.b), !with_format);
  }
}

TEST(OutputConstraint, FindsMarksThatAreText) {
  const Words words(false);
  const text::OutputSyntax syntax = words.syntax();
  GrammarCache grammars(*words.tokenizer);
  GenerationRequest request = chat(kA);
  const auto constraint = *constraint_for(request, {{}, &syntax, true}, grammars);
  for (const TokenId id : {words.b, words.think_end, words.b, words.think_end}) {
    EXPECT_TRUE(allows(*constraint, words.b));
    ASSERT_TRUE(constraint->accept(id));
  }
  ASSERT_TRUE(constraint->accept(words.spread));  // with the answer's first letter
  EXPECT_FALSE(allows(*constraint, words.b));
  EXPECT_TRUE(allows(*constraint, words.a));
  EXPECT_TRUE(allows(*constraint, words.end));

  request.thinking_budget = 1;
  const auto short_one = *constraint_for(request, {{}, &syntax, true}, grammars);
  ASSERT_TRUE(short_one->accept(words.b));
  EXPECT_FALSE(allows(*short_one, words.b));
  EXPECT_TRUE(allows(*short_one, words.think_end));
  ASSERT_TRUE(short_one->accept(words.think_end));
  ASSERT_TRUE(short_one->accept(words.byte("<0x3E>")));
  EXPECT_TRUE(allows(*short_one, words.a));
}

TEST_F(OutputConstraintTest, EveryFormat) {
  const auto of = [&](OutputFormat format) { return make(chat(std::move(format), false)); };
  EXPECT_TRUE(allows(**of(JsonObjectFormat{}), words_.brace));
  EXPECT_FALSE(allows(**of(JsonObjectFormat{}), words_.quote));
  EXPECT_TRUE(allows(**of(JsonSchemaFormat{R"({"type":"string"})"}), words_.quote));
  EXPECT_FALSE(allows(**of(JsonSchemaFormat{R"({"type":"string"})"}), words_.brace));

  for (const OutputFormat& wrong :
       {OutputFormat(JsonSchemaFormat{R"({"not":{}})"}), OutputFormat(GbnfFormat{"root ::= x"})}) {
    const auto refused = of(wrong);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().category, ErrorCategory::kInvalidArgument);
  }
  EXPECT_THAT(of(JsonSchemaFormat{R"({"not":{}})"}).error().message, HasSubstr("\"not\""));
}

TEST_F(OutputConstraintTest, CallsThatAreRequiredComeInsteadOfTheFormat) {
  GenerationRequest request = chat(JsonObjectFormat{}, false);
  const auto function = [](const char* name, const char* type) {
    using text::Value;
    return Value::map(
        {{"type", "function"},
         {"function", Value::map({{"name", name}, {"parameters", Value::map({{"type", type}})}})}});
  };
  std::get<ChatPrompt>(request.prompt).tools =
      text::Value::list({function("ab", "object"), function("b", "object"), function("c", "nonsense")});
  request.tool_choice = {.mode = ToolChoice::Mode::kRequired, .names = {"ab", "b"}};
  const auto written = [&](engine::TokenConstraint& constraint, std::string_view text) {
    for (const char c : text) {
      if (!constraint.accept(words_.byte(fmt::format("<0x{:02X}>", c)))) return false;
    }
    return allows(constraint, words_.end);
  };
  const std::string call = "<tool_call>\n{\"name\": \"b\", \"arguments\": {\"a\": 1}}\n</tool_call>";
  const auto calls = [&] { return *make(request); };
  EXPECT_TRUE(written(*calls(), call));
  EXPECT_TRUE(written(*calls(), call + "\n" + call));
  EXPECT_FALSE(written(*calls(), "{\"a\": 1}"));
  EXPECT_FALSE(written(*calls(), "<tool_call>\n{\"name\": \"c\""));
  request.parallel_tool_calls = false;
  EXPECT_TRUE(written(*calls(), call));
  EXPECT_FALSE(written(*calls(), call + "\n" + call));

  // Beside a format, calls are possible.
  request.tool_choice.mode = ToolChoice::Mode::kAuto;
  EXPECT_TRUE(written(*calls(), call));
  EXPECT_TRUE(written(*calls(), "{\"a\": 1}"));
  request.format = {};
  EXPECT_EQ(calls(), nullptr);

  request.tool_choice = {.mode = ToolChoice::Mode::kRequired, .names = {"c"}};
  EXPECT_THAT(make(request).error().message, HasSubstr("tool \"c\""));
  syntax_.calls = text::CallNotation::kNone;
  request.tool_choice.names = {"b"};
  EXPECT_EQ(make(request).error().category, ErrorCategory::kInvalidArgument);
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
