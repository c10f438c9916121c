#include "serving/stop_matcher.h"

#include <gtest/gtest.h>

namespace hearth::serving {
namespace {

TEST(StopMatcher, PassesTextThroughWithoutStops) {
  StopMatcher matcher({""});
  EXPECT_EQ(matcher.push("anything").text, "anything");
  EXPECT_EQ(matcher.finish(), "");
}

TEST(StopMatcher, FindsAStopThatIsSplitOverPieces) {
  StopMatcher matcher({"END"});
  EXPECT_EQ(matcher.push("abcE").text, "abc");
  EXPECT_EQ(matcher.push("N").text, "");
  const auto result = matcher.push("Dxyz");
  EXPECT_TRUE(result.stopped);
  EXPECT_EQ(result.text, "");
  EXPECT_EQ(result.stop, "END");
}

TEST(StopMatcher, ReleasesAFalseStart) {
  StopMatcher matcher({"END"});
  EXPECT_EQ(matcher.push("EN").text, "");
  EXPECT_EQ(matcher.push("EN").text, "EN");
  EXPECT_EQ(matcher.finish(), "EN");
}

TEST(StopMatcher, TheEarliestOfSeveralWins) {
  StopMatcher matcher({"second", "first"});
  const auto result = matcher.push("a first and a second");
  EXPECT_EQ(result.text, "a ");
  EXPECT_EQ(result.stop, "first");
}

TEST(StopMatcher, EveryCutOfATextGivesTheSame) {
  const std::string text = "one two aab aaab three";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    for (size_t second = cut; second <= text.size(); ++second) {
      StopMatcher matcher({"aaab", "xyz"});
      std::string out;
      bool stopped = false;
      for (const auto& piece : {text.substr(0, cut), text.substr(cut, second - cut), text.substr(second)}) {
        if (stopped) break;
        auto result = matcher.push(piece);
        out += result.text;
        stopped = result.stopped;
      }
      EXPECT_TRUE(stopped);
      EXPECT_EQ(out, "one two aab ");
    }
  }
}

}  // namespace
}  // namespace hearth::serving
