// Tool calls in every notation: the way they are meant, and every way in which they are not.
#include <gtest/gtest.h>

#include "text/output/output_parser.h"
#include "text/output/testing/parse_output.h"

namespace hearth::text {
namespace {

OutputSyntax syntax_of(CallNotation notation, std::string_view reasoning = "</think>") {
  OutputSyntax syntax;
  syntax.use_reasoning_of(reasoning);
  syntax.use_calls(notation);
  return syntax;
}

const OutputSyntax kTagged = syntax_of(CallNotation::kTaggedJson);
const OutputSyntax kBare = syntax_of(CallNotation::kBareJson, "");
const OutputSyntax kGemma = syntax_of(CallNotation::kGemma, "<|channel>");
const OutputSyntax kDeepSeek = syntax_of(CallNotation::kDeepSeek);

std::string events(const OutputSyntax& syntax, std::string_view output, bool starts_in_reasoning = false) {
  const OutputParserOptions options{.starts_in_reasoning = starts_in_reasoning,
                                    .tool_names = {"get_weather", "f", "brave_search"}};
  const std::string whole = testing::show(testing::parse_output(syntax, options, output));
  const std::vector<size_t> places = testing::cuts(output);
  for (const size_t place : places) {
    EXPECT_EQ(testing::show(testing::parse_pieces(syntax, options, testing::cut_at(output, {place}))), whole)
        << "cut at " << place;
  }
  EXPECT_EQ(testing::show(testing::parse_pieces(syntax, options, testing::cut_at(output, places))), whole);
  return whole;
}

std::string unchanged(std::string_view output) {
  return "text|" + std::string(output) + "|\n";
}

TEST(TaggedJson, ReasoningTextAndTwoCalls) {
  EXPECT_EQ(
      events(kTagged,
             "<think>\nTwo cities.\n</think>\n\nLet me look.\n"
             "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Zürich\"}}\n</tool_call>\n"
             "<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>"),
      "reasoning|Two cities.|\ntext|Let me look.|\ncall|get_weather|\narguments|{\"city\": "
      "\"Zürich\"}|\nend|\n"
      "call|f|\narguments|{}|\nend|\n");
}

TEST(TaggedJson, ArgumentsStream) {
  OutputParser parser(kTagged, {.tool_names = {"f"}});
  parser.push(R"(<tool_call>{"name": "f", "arg)");
  EXPECT_TRUE(parser.take().empty());
  parser.push(R"(uments": {"a": "long)");
  EXPECT_EQ(testing::show(parser.take()), "call|f|\narguments|{\"a\": \"long|\n");
  parser.push(R"( text)");
  EXPECT_EQ(testing::show(parser.take()), "arguments| text|\n");
  parser.push(R"("})");
  EXPECT_EQ(testing::show(parser.take()), "arguments|\"}|\nend|\n");
  parser.push("}\n</tool_call>");
  parser.finish();
  EXPECT_TRUE(parser.take().empty());
}

TEST(TaggedJson, OtherShapesOfTheObject) {
  EXPECT_EQ(events(kTagged, R"(<tool_call>{"arguments": {"a": [1, {"b": null}]}, "name": "f"}</tool_call>)"),
            "call|f|\narguments|{\"a\":[1,{\"b\":null}]}|\nend|\n");
  EXPECT_EQ(events(kTagged, R"(<tool_call>{"name": "f", "arguments": "{\"a\": 1}"}</tool_call>)"),
            "call|f|\narguments|{\"a\":1}|\nend|\n");
  EXPECT_EQ(events(kTagged, R"(<tool_call>{"name": "f"}</tool_call>)"), "call|f|\narguments|{}|\nend|\n");
  EXPECT_EQ(events(kTagged, R"(<tool_call>{"name": "f", "arguments": null}</tool_call>)"),
            "call|f|\narguments|{}|\nend|\n");
  EXPECT_EQ(
      events(
          kTagged,
          R"(<tool_call>{"id": "x", "type": "function", "name": "f", "parameters": {"a": 1}}</tool_call>)"),
      "call|f|\narguments|{\"a\": 1}|\nend|\n");
}

TEST(TaggedJson, LineBreaksInStringsBecomeEscapes) {
  EXPECT_EQ(events(kTagged, "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": \"x\ny\"}}</tool_call>"),
            "call|f|\narguments|{\"a\": \"x\\ny\"}|\nend|\n");
}

TEST(TaggedJson, QuotedMarkersStayInTheArguments) {
  EXPECT_EQ(
      events(kTagged, R"(<tool_call>{"name": "f", "arguments": {"a": "</tool_call><think>"}}</tool_call>)"),
      "call|f|\narguments|{\"a\": \"</tool_call><think>\"}|\nend|\n");
}

TEST(TaggedJson, WhatIsNoCallIsText) {
  for (const std::string_view output : {
           R"(<tool_call>{"name": "unknown", "arguments": {}}</tool_call>)",
           R"(<tool_call>{"name": "f", "arguments": [1]}</tool_call>)",
           R"(<tool_call>{"name": "f", "arguments": "text"}</tool_call>)",
           R"(<tool_call>{"name": 1}</tool_call>)",
           R"(<tool_call>{"other": 1}</tool_call>)",
           R"(<tool_call></tool_call>)",
           R"(<tool_call>get_weather)",
           R"(<tool_call>{"name": "f", "argu)",
           R"(Write <tool_call> around it.)",
           "Line\n<tool_call> \n\n[]\n",
       }) {
    EXPECT_EQ(events(kTagged, output), unchanged(output));
  }
}

TEST(TaggedJson, NamesThatWereNotOfferedDoNotCount) {
  const std::string_view output = R"(<tool_call>{"name": "f", "arguments": {}}</tool_call>)";
  EXPECT_EQ(testing::show(testing::parse_output(kTagged, {}, output)), unchanged(output));
}

TEST(TaggedJson, BrokenArgumentsEndUnclosedAndTheRestIsText) {
  EXPECT_EQ(events(kTagged, R"(<tool_call>{"name": "f", "arguments": {"a": "he said "hi"}}</tool_call>)"),
            "call|f|\narguments|{\"a\": \"he said \"|\ntext|hi\"}}</tool_call>|\n");
}

TEST(TaggedJson, CutArgumentsEndUnclosed) {
  EXPECT_EQ(events(kTagged, R"(<tool_call>{"name": "f", "arguments": {"a": "half)"),
            "call|f|\narguments|{\"a\": \"half|\n");
  EXPECT_EQ(events(kTagged, R"(<tool_call>{"name": "f", "arguments": {}})"),
            "call|f|\narguments|{}|\nend|\n");
}

TEST(TaggedJson, AMissingEndIsForgiven) {
  EXPECT_EQ(
      events(
          kTagged,
          R"(<tool_call>{"name": "f", "arguments": {}}<tool_call>{"name": "f", "arguments": {}}</tool_call>)"),
      "call|f|\narguments|{}|\nend|\ncall|f|\narguments|{}|\nend|\n");
  EXPECT_EQ(events(kTagged, R"(<tool_call>{"name": "f", "arguments": {}</tool_call> done)"),
            "call|f|\narguments|{}|\nend|\ntext|done|\n");
  EXPECT_EQ(events(kTagged, "<tool_call>{\"name\": \"f\", \"arguments\": {}}\nThat was it."),
            "call|f|\narguments|{}|\nend|\ntext|That was it.|\n");
}

TEST(TaggedJson, CallsInsideReasoningAreReasoning) {
  const std::string_view call = R"(<tool_call>{"name": "f", "arguments": {}}</tool_call>)";
  EXPECT_EQ(events(kTagged, call, true), "reasoning|" + std::string(call) + "|\n");
}

TEST(BareJson, TheWholeMessageIsACall) {
  EXPECT_EQ(events(kBare, R"({"name": "get_weather", "parameters": {"city": "Paris"}})"),
            "call|get_weather|\narguments|{\"city\": \"Paris\"}|\nend|\n");
  EXPECT_EQ(events(kBare, "\n {\"type\": \"function\", \"name\": \"f\", \"parameters\": {}}\n"),
            "call|f|\narguments|{}|\nend|\n");
}

TEST(BareJson, SeveralInARow) {
  EXPECT_EQ(events(kBare, R"({"name": "f", "parameters": {}}; {"name": "f", "parameters": {"a": 1}})"),
            "call|f|\narguments|{}|\nend|\ncall|f|\narguments|{\"a\": 1}|\nend|\n");
}

TEST(BareJson, OtherObjectsAndTextAreText) {
  for (const std::string_view output :
       {R"({"city": "Paris"})", R"({"name": "Paul", "parameters": {}})", R"({"name": "f"})", "{", "{}", " {x",
        "  ", R"(Here: {"name": "f", "parameters": {}})", R"([{"name": "f", "parameters": {}}])"}) {
    EXPECT_EQ(events(kBare, output), unchanged(output));
  }
}

TEST(BareJson, BuiltInToolsBehindTheTag) {
  EXPECT_EQ(events(kBare, R"(<|python_tag|>brave_search.call(query="x \"y\" \d", n=3, deep=True))"),
            "call|brave_search|\narguments|{\"query\":\"x \\\"y\\\" \\\\d\",\"n\":3,\"deep\":true}|\nend|\n");
  EXPECT_EQ(events(kBare, "<|python_tag|>f.call()"), "call|f|\narguments|{}|\nend|\n");
  EXPECT_EQ(events(kBare, R"(<|python_tag|>{"name": "f", "parameters": {"a": 1}})"),
            "call|f|\narguments|{\"a\": 1}|\nend|\n");
}

TEST(BareJson, OtherCodeBehindTheTagIsText) {
  for (const std::string_view output :
       {"<|python_tag|>print(1)", "<|python_tag|>", "<|python_tag|>g.call(a=1)", R"(<|python_tag|>{"a": 1})",
        "<|python_tag|>f.call(x.y)"}) {
    EXPECT_EQ(events(kBare, output), unchanged(output));
  }
  EXPECT_EQ(events(kBare, "<|python_tag|>f.call(a=b c"), "call|f|\narguments|{\"a\":b c|\n");
  EXPECT_EQ(events(kBare, "<|python_tag|>f.call(a=oops) x"), "call|f|\narguments|{\"a\":oops|\ntext|) x|\n");
}

TEST(BareJson, WhereArgumentsBreakNothingIsLostOrDoubled) {
  EXPECT_EQ(events(kBare, "<|python_tag|>f.call(a=\"x\", b=True,éc=1)"),
            "call|f|\narguments|{\"a\":\"x\",\"b\":true,|\ntext|éc=1)|\n");
  EXPECT_EQ(events(kBare, "<|python_tag|>f.call(a=\"x\"é)"), "call|f|\narguments|{\"a\":\"x\"|\ntext|é)|\n");
  EXPECT_EQ(events(kGemma, "<|tool_call>call:f{\"a\"é:1}"), "call|f|\narguments|{\"a\"|\ntext|é:1}|\n");
}

TEST(Gemma, ValuesBecomeJson) {
  EXPECT_EQ(
      events(
          kGemma,
          R"(<|tool_call>call:get_weather{city:<|"|>Zürich, "old" \ town<|"|>,days:3,exact:-1.5e3,ok:true,none:null,)"
          R"(list:[1,<|"|>two<|"|>,[]],map:{inner:<|"|><|"|>,deep:{}}}<tool_call|>)"),
      "call|get_weather|\narguments|"
      R"({"city":"Zürich, \"old\" \\ town","days":3,"exact":-1.5e3,"ok":true,"none":null,)"
      R"("list":[1,"two",[]],"map":{"inner":"","deep":{}}})"
      "|\nend|\n");
}

TEST(Gemma, SeveralCallsAfterReasoning) {
  EXPECT_EQ(
      events(kGemma,
             "<|channel>thought\nhm\n<channel|>On "
             "it.\n<|tool_call>call:f{}<tool_call|><|tool_call>call:f{a:1}<tool_call|>"),
      "reasoning|hm|\ntext|On it.|\ncall|f|\narguments|{}|\nend|\ncall|f|\narguments|{\"a\":1}|\nend|\n");
}

TEST(Gemma, StringsStreamWithTheirLineBreaks) {
  OutputParser parser(kGemma, {.tool_names = {"f"}});
  parser.push(R"(<|tool_call>call:f{code:<|"|>one)");
  EXPECT_EQ(testing::show(parser.take()), "call|f|\narguments|{\"code\":\"one|\n");
  parser.push("\n{two}");
  EXPECT_EQ(testing::show(parser.take()), "arguments|\\n{two}|\n");
}

TEST(Gemma, LooseNotationIsUnderstood) {
  EXPECT_EQ(events(kGemma, R"(<|tool_call>call:f{ "a" : "x\n" , <|"|>b<|"|>:Paris , c:None}<tool_call|>)"),
            R"(call|f|)"
            "\n"
            R"(arguments|{"a":"x\n","b":"Paris","c":null}|)"
            "\nend|\n");
}

TEST(Gemma, QuotedMarkersStayInTheArguments) {
  EXPECT_EQ(events(kGemma, R"(<|tool_call>call:f{a:<|"|><tool_call|><channel|><|"|>}<tool_call|>)"),
            "call|f|\narguments|{\"a\":\"<tool_call|><channel|>\"}|\nend|\n");
}

TEST(Gemma, ForgedQuotesDoNotCountWhereTheQuoteIsAToken) {
  OutputSyntax syntax = kGemma;
  syntax.token[static_cast<size_t>(Marker::kQuote)] = 52;
  OutputParser parser(syntax, {.tool_names = {"f"}});
  parser.push("<|tool_call>call:f{a:");
  parser.push(Marker::kQuote);
  parser.push(R"(x<|"|>,b:<|"|>y)");
  parser.push(Marker::kQuote);
  parser.push("}<tool_call|>");
  parser.finish();
  EXPECT_EQ(testing::show(parser.take()), "call|f|\narguments|{\"a\":\"x<|\\\"|>,b:<|\\\"|>y\"}|\nend|\n");
}

TEST(Gemma, WhatIsNoCallIsText) {
  for (const std::string_view output :
       {"<|tool_call>call:unknown{}<tool_call|>", "<|tool_call>f{}<tool_call|>", "<|tool_call>call:f",
        "<|tool_call>", "<|tool_call>call:f\n{}", "<tool_call|>"}) {
    EXPECT_EQ(events(kGemma, output), unchanged(output));
  }
}

TEST(Gemma, BrokenArgumentsEndUnclosedAndTheRestIsText) {
  EXPECT_EQ(events(kGemma, "<|tool_call>call:f{a:1,}<tool_call|>"),
            "call|f|\narguments|{\"a\":1,|\ntext|}<tool_call|>|\n");
  EXPECT_EQ(events(kGemma, "<|tool_call>call:f{a:[1}<tool_call|>"),
            "call|f|\narguments|{\"a\":[1|\ntext|}<tool_call|>|\n");
  EXPECT_EQ(events(kGemma, "<|tool_call>call:f{a:12"), "call|f|\narguments|{\"a\":12|\n");
  EXPECT_EQ(events(kGemma, "<|tool_call>call:f{a:12<|channel>thought\nx"),
            "call|f|\narguments|{\"a\":12|\nreasoning|x|\n");
}

TEST(DeepSeek, CallsOfR1) {
  EXPECT_EQ(
      events(kDeepSeek,
             "Hm.\n</think>\n\n<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n"
             "```json\n{\"city\": \"Paris\"}\n```<｜tool▁call▁end｜>\n"
             "<｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{}\n```<｜tool▁call▁end｜><"
             "｜tool▁calls▁end｜>",
             true),
      "reasoning|Hm.|\ncall|get_weather|\narguments|{\"city\": "
      "\"Paris\"}|\nend|\ncall|f|\narguments|{}|\nend|\n");
}

TEST(DeepSeek, CallsOfV31) {
  EXPECT_EQ(events(kDeepSeek,
                   "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": "
                   "1}<｜tool▁call▁end｜><｜tool▁calls▁end｜>"),
            "call|f|\narguments|{\"a\": 1}|\nend|\n");
}

TEST(DeepSeek, WhatIsNoCallIsText) {
  for (const std::string_view output :
       {"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>unknown\n```json\n{}\n```<"
        "｜tool▁call▁end｜>",
        "<｜tool▁calls▁begin｜>text", "<｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```python\n{}",
        "<｜tool▁sep｜>", "<｜tool▁calls▁end｜>", "<｜tool▁calls▁beg",
        "<｜tool▁call▁begin｜>function<｜tool▁sep｜>f"}) {
    EXPECT_EQ(events(kDeepSeek, output), unchanged(output));
  }
}

TEST(DeepSeek, TextAfterACallIsText) {
  EXPECT_EQ(events(kDeepSeek, "<｜tool▁call▁begin｜>f<｜tool▁sep｜>{}\n```\nSo."),
            "call|f|\narguments|{}|\nend|\ntext|So.|\n");
}

}  // namespace
}  // namespace hearth::text
