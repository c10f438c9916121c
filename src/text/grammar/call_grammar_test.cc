#include "text/grammar/call_grammar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "text/grammar/testing/matches.h"
#include "text/grammar/testing/schema_validator.h"
#include "text/grammar/value_syntax.h"
#include "text/output/output_parser.h"

namespace hearth::text::grammar {
namespace {

using ::testing::HasSubstr;
using testing::match;
using testing::Match;
using testing::SchemaValidator;

const std::vector<CallableTool> kTools = {
    {.name = "look_up",
     .parameters =
         R"({"type":"object","properties":{"topic":{"type":"string","maxLength":12},"n":{"type":"integer","minimum":1,"maximum":99},
                       "deep":{"type":"object","properties":{"on":{"type":"boolean"},"list":{"type":"array","items":{"enum":["x","y z"]}}}}},
                       "required":["topic"]})"},
    {.name = "stop", .parameters = ""},
};

OutputSyntax syntax_of(CallNotation notation) {
  OutputSyntax syntax;
  syntax.use_calls(notation);
  // Gemma's marks are tokens; the others are text here.
  if (notation == CallNotation::kGemma) {
    for (const Marker marker : {Marker::kCallBegin, Marker::kCallEnd, Marker::kQuote}) {
      syntax.token[static_cast<size_t>(marker)] = static_cast<TokenId>(100 + static_cast<int>(marker));
    }
  }
  return syntax;
}

std::shared_ptr<const Grammar> compile(CallNotation notation, CallGrammarOptions options = {}) {
  auto grammar = call_grammar(syntax_of(notation), kTools, options);
  EXPECT_TRUE(grammar) << grammar.error().message;
  return *grammar;
}

std::string token(std::string_view spelling) {
  return std::string(1, kTokenMark).append(spelling) + kTokenMark;
}

TEST(CallGrammar, EveryNotation) {
  const auto tagged = compile(CallNotation::kTaggedJson);
  const std::string one =
      "<tool_call>\n{\"name\": \"look_up\", \"arguments\": {\"topic\": \"a\"}}\n</tool_call>";
  EXPECT_EQ(match(tagged, one), Match::kWhole);
  EXPECT_EQ(match(tagged, one + "\n" + one), Match::kWhole);
  EXPECT_EQ(match(compile(CallNotation::kTaggedJson, {.parallel = false}), one + "\n"), Match::kNo);
  EXPECT_EQ(match(tagged, "<tool_call>\n{\"name\": \"other\""), Match::kNo);
  EXPECT_EQ(match(tagged, "Sure! "), Match::kNo);

  EXPECT_EQ(match(compile(CallNotation::kBareJson), R"({"name": "stop", "parameters": {"a": 1}})"),
            Match::kWhole);

  const auto gemma = compile(CallNotation::kGemma);
  const std::string quote = token("<|\"|>");
  const std::string call = token("<|tool_call>") + "call:look_up{deep:{on:true},n:5,topic:" + quote +
                           "a \"b\"" + quote + "}" + token("<tool_call|>");
  EXPECT_EQ(match(gemma, call), Match::kWhole);
  EXPECT_EQ(match(gemma, call + call), Match::kWhole);
  EXPECT_EQ(match(gemma, token("<|tool_call>") + "call:look_up{topic:\"a\"}"), Match::kNo);

  const auto deepseek = compile(CallNotation::kDeepSeek);
  EXPECT_EQ(match(deepseek,
                  "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>stop\n```json\n{}\n```<"
                  "｜tool▁call▁end｜><｜tool▁calls▁end｜>"),
            Match::kWhole);
}

TEST(CallGrammar, AFormatMayComeInstead) {
  const auto either =
      compile(CallNotation::kBareJson,
              {.or_schema = R"({"type":"object","properties":{"answer":{"type":"integer"}}})"});
  EXPECT_EQ(match(either, R"({"answer": 5})"), Match::kWhole);
  EXPECT_EQ(match(either, R"({"name": "stop", "parameters": {}})"), Match::kWhole);
  EXPECT_EQ(match(either, R"({"other": 5})"), Match::kNo);
}

TEST(CallGrammar, WhatIsWrong) {
  EXPECT_EQ(call_grammar(syntax_of(CallNotation::kNone), kTools).error().category,
            ErrorCategory::kInvalidArgument);
  EXPECT_FALSE(call_grammar(syntax_of(CallNotation::kTaggedJson), {}));
  std::vector<CallableTool> tools = {
      {.name = "f", .parameters = R"({"type":"object","properties":{"a":{"not":{}}}})", .strict = true}};
  const auto refused = call_grammar(syntax_of(CallNotation::kTaggedJson), tools);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("tool \"f\": #/properties/a"));
  tools[0].strict = false;
  EXPECT_TRUE(call_grammar(syntax_of(CallNotation::kTaggedJson), tools));
}

// Random answers under the grammar are read back as calls whose arguments keep to the tool's schema.
TEST(CallGrammar, TheParserReadsEveryCallBack) {
  std::mt19937 random(23);
  const Json schema = Json::parse(kTools[0].parameters);
  const SchemaValidator validator(schema);
  for (const CallNotation notation :
       {CallNotation::kTaggedJson, CallNotation::kBareJson, CallNotation::kGemma, CallNotation::kDeepSeek}) {
    const OutputSyntax syntax = syntax_of(notation);
    Automaton automaton(compile(notation));
    int n_calls = 0;
    for (int walk = 0; walk < 100; ++walk) {
      automaton.begin_work();
      std::string text;
      Automaton::State state = automaton.start();
      while (text.size() < 4000 &&
             !(automaton.is_complete(state) && (automaton.is_final(state) || random() % 3 == 0))) {
        std::string choices, closing;
        for (int byte = 0; byte < 256; ++byte) {
          if (automaton.next(state, static_cast<uint8_t>(byte)) == Automaton::kDead) continue;
          choices.push_back(static_cast<char>(byte));
          if (std::string_view("\"]}\xFF").find(static_cast<char>(byte)) != std::string_view::npos)
            closing.push_back(choices.back());
        }
        ASSERT_FALSE(choices.empty()) << text;
        const std::string& from = !closing.empty() && random() % 60 < text.size() ? closing : choices;
        text.push_back(from[random() % from.size()]);
        state = automaton.next(state, static_cast<uint8_t>(text.back()));
      }
      if (!automaton.is_complete(state)) continue;
      OutputParser parser(syntax, {.tool_names = {"look_up", "stop"}});
      for (std::string_view rest = text; !rest.empty();) {
        const size_t mark = rest.find(kTokenMark);
        parser.push(rest.substr(0, mark));
        if (mark == std::string_view::npos) break;
        const size_t end = rest.find(kTokenMark, mark + 1);
        const std::string_view spelling = rest.substr(mark + 1, end - mark - 1);
        for (size_t i = 0; i < kMarkerCount; ++i) {
          if (syntax.spelling[i] == spelling) parser.push(static_cast<Marker>(i));
        }
        rest.remove_prefix(end + 1);
      }
      parser.finish();
      std::string name, arguments;
      for (const OutputEvent& event : parser.take()) {
        using Kind = OutputEvent::Kind;
        ASSERT_NE(event.kind, Kind::kText) << text;
        if (event.kind == Kind::kCallBegin) name = event.text, arguments.clear();
        if (event.kind == Kind::kCallArguments) arguments += event.text;
        if (event.kind != Kind::kCallEnd) continue;
        ++n_calls;
        const Json value = Json::parse(arguments, nullptr, false);
        ASSERT_TRUE(value.is_object()) << text << "\n" << arguments;
        ASSERT_TRUE(name == "stop" || validator.accepts(value)) << text << "\n" << arguments;
      }
    }
    EXPECT_GT(n_calls, 60) << static_cast<int>(notation);
  }
}

}  // namespace
}  // namespace hearth::text::grammar
