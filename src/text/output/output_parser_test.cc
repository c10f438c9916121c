// Reasoning and text: what is split, what is trimmed, what is left alone.
#include "text/output/output_parser.h"

#include <gtest/gtest.h>

#include "text/output/testing/parse_output.h"

namespace hearth::text {
namespace {

OutputSyntax think() {
  OutputSyntax syntax;
  syntax.use_reasoning_of("</think>");
  return syntax;
}

OutputSyntax channel() {
  OutputSyntax syntax;
  syntax.use_reasoning_of("<|channel>");
  syntax.use_calls(CallNotation::kGemma);
  return syntax;
}

// The events of the output, which must be the same however it is cut.
std::string events(const OutputSyntax& syntax, const OutputParserOptions& options, std::string_view output) {
  const std::string whole = testing::show(testing::parse_output(syntax, options, output));
  const std::vector<size_t> places = testing::cuts(output);
  for (const size_t place : places) {
    EXPECT_EQ(testing::show(testing::parse_pieces(syntax, options, testing::cut_at(output, {place}))), whole)
        << "cut at " << place;
  }
  EXPECT_EQ(testing::show(testing::parse_pieces(syntax, options, testing::cut_at(output, places))), whole);
  return whole;
}

TEST(Reasoning, IsSplitFromTheAnswerAndTrimmed) {
  EXPECT_EQ(events(think(), {}, "<think>\nLet me see.\n\nYes.\n</think>\n\nIt is 4.\n"),
            "reasoning|Let me see.\n\nYes.|\ntext|It is 4.\n|\n");
}

TEST(Reasoning, MayHaveBegunInThePrompt) {
  EXPECT_EQ(events(think(), {.starts_in_reasoning = true}, "\nHm.\n</think>\n\n    code"),
            "reasoning|Hm.|\ntext|    code|\n");
  EXPECT_EQ(events(think(), {.starts_in_reasoning = true}, "<think>\nHm.</think>Yes"),
            "reasoning|Hm.|\ntext|Yes|\n");
}

TEST(Reasoning, EmptyReasoningGivesNothing) {
  EXPECT_EQ(events(think(), {}, "<think>\n\n</think>\n\nHello"), "text|Hello|\n");
}

TEST(Reasoning, CutInTheMiddleStaysReasoning) {
  EXPECT_EQ(events(think(), {}, "<think>\nI wonder\n"), "reasoning|I wonder|\n");
  EXPECT_EQ(events(think(), {}, "<think>\nI wonder</thi"), "reasoning|I wonder</thi|\n");
}

TEST(Reasoning, MarkersLaterInTheTextAreText) {
  EXPECT_EQ(events(think(), {}, "Use <think> and </think>.\n"), "text|Use <think> and </think>.\n|\n");
  EXPECT_EQ(events(think(), {}, "<think>a <think> b</think>c</think>d"),
            "reasoning|a <think> b|\ntext|c</think>d|\n");
}

TEST(Reasoning, TextWithoutMarkersIsUntouched) {
  EXPECT_EQ(events(think(), {}, "\n\n a < b <th \n\n"), "text|\n\n a < b <th \n\n|\n");
  EXPECT_EQ(events(OutputSyntax(), {}, "\n<think>\nx\n"), "text|\n<think>\nx\n|\n");
  EXPECT_EQ(events(think(), {}, ""), "");
}

TEST(Reasoning, OnlyWhatMayBecomeAMarkerWaits) {
  OutputParser parser(think(), {});
  parser.push("a <thi");
  EXPECT_EQ(testing::show(parser.take()), "text|a |\n");
  parser.push("n");
  EXPECT_TRUE(parser.take().empty());
  parser.push("g> b\n");
  EXPECT_EQ(testing::show(parser.take()), "text|<thing> b|\n");
  parser.push("c");
  EXPECT_EQ(testing::show(parser.take()), "text|\nc|\n");
}

TEST(Reasoning, MarkersThatAreTokensCountAsTokensOnly) {
  OutputSyntax syntax = think();
  syntax.token[static_cast<size_t>(Marker::kReasoningBegin)] = 7;
  syntax.token[static_cast<size_t>(Marker::kReasoningEnd)] = 8;
  EXPECT_EQ(syntax.marker_of(7), Marker::kReasoningBegin);
  EXPECT_EQ(syntax.marker_of(9), std::nullopt);
  OutputParser parser(syntax, {});
  parser.push(Marker::kReasoningBegin);
  EXPECT_TRUE(parser.in_reasoning());
  parser.push("He wrote </think> there.\n");
  parser.push(Marker::kReasoningEnd);
  EXPECT_FALSE(parser.in_reasoning());
  parser.push("<think>");
  parser.finish();
  EXPECT_EQ(testing::show(parser.take()), "reasoning|He wrote </think> there.|\ntext|<think>|\n");
}

TEST(Channels, ThoughtIsReasoningWhereverItComes) {
  EXPECT_EQ(events(channel(), {},
                   "<|channel>thought\nfirst\n<channel|>One.<|channel>thought\nsecond<channel|>Two."),
            "reasoning|first|\ntext|One.|\nreasoning|second|\ntext|Two.|\n");
}

TEST(Channels, EmptyAndStrayOnesVanish) {
  EXPECT_EQ(events(channel(), {}, "<|channel>thought\n<channel|><|channel>thought<channel|>Hi<channel|>"),
            "text|Hi|\n");
}

TEST(Channels, AnyOtherHeaderIsText) {
  EXPECT_EQ(events(channel(), {}, "<|channel>thoughts\nx"), "text|<|channel>thoughts\nx|\n");
  EXPECT_EQ(events(channel(), {}, "<|channel>tho"), "text|<|channel>tho|\n");
  EXPECT_EQ(events(channel(), {}, "<|channel>tho<|channel>thought\nx"),
            "text|<|channel>tho|\nreasoning|x|\n");
}

TEST(Channels, OpenedInThePromptAndOpenedAgain) {
  EXPECT_EQ(events(channel(), {.starts_in_reasoning = true}, "<|channel>thought\nx<channel|>y"),
            "reasoning|x|\ntext|y|\n");
  EXPECT_EQ(events(channel(), {.starts_in_reasoning = true}, "<|channel>other"),
            "reasoning|<|channel>other|\n");
}

TEST(Channels, ARepeatedTurnHeaderIsDropped) {
  EXPECT_EQ(events(channel(), {}, "<|turn>model\nHello"), "text|Hello|\n");
  EXPECT_EQ(events(channel(), {}, "<|turn>moderate"), "text|<|turn>moderate|\n");
}

}  // namespace
}  // namespace hearth::text
