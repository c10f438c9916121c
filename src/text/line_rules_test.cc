#include "text/line_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hearth::text {
namespace {

using Action = LineRules::Action;
using ::testing::HasSubstr;

LineRules compiled(const std::vector<LineRules::Rule>& rules) {
  auto result = LineRules::compile(rules);
  EXPECT_TRUE(result) << result.error().message;
  return result ? std::move(*result) : LineRules();
}

TEST(LineRules, DropsLines) {
  const LineRules rules = compiled({{"^bill: ", Action::kDrop}});
  EXPECT_EQ(rules.apply("bill: 1\nfirst\nsecond"), "first\nsecond");
  EXPECT_EQ(rules.apply("first\nbill: 1\nsecond\n"), "first\nsecond\n");
  EXPECT_EQ(rules.apply("first\nbill: 1"), "first");
  EXPECT_EQ(rules.apply("bill: 1"), "");
  EXPECT_EQ(rules.apply("first\r\nbill: 1\r\nsecond"), "first\r\nsecond");
  EXPECT_EQ(rules.apply("see bill: 1"), "see bill: 1");
  EXPECT_EQ(rules.apply(""), "");
  EXPECT_EQ(rules.apply("\n\n"), "\n\n");
}

TEST(LineRules, MovesLinesToTheEndInTheirOrder) {
  const LineRules rules = compiled({{"date", Action::kMoveToEnd}});
  EXPECT_EQ(rules.apply("date 1\na\nupdated 2\nb"), "a\nb\ndate 1\nupdated 2");
  EXPECT_EQ(rules.apply("date 1\na\n"), "a\ndate 1\n");
  EXPECT_EQ(rules.apply("a\ndate 1"), "a\ndate 1");
  EXPECT_EQ(rules.apply("date 1\n"), "date 1\n");
}

TEST(LineRules, TheFirstRuleThatMatchesCounts) {
  const LineRules rules = compiled({{"^x", Action::kDrop}, {"x$", Action::kMoveToEnd}});
  EXPECT_EQ(rules.apply("x x\nax\nb"), "b\nax");
  EXPECT_EQ(LineRules().apply("x\ny"), "x\ny");
}

TEST(LineRules, PatternsKnowPerlAndUnicode) {
  EXPECT_EQ(compiled({{R"(^heute: \d{4}-\d\d$)", Action::kDrop}}).apply("heute: 2026-11\nä"), "ä");
  EXPECT_EQ(compiled({{"^.$", Action::kDrop}}).apply("ä\nab"), "ab");
  EXPECT_EQ(compiled({{"(?i)^BILL", Action::kDrop}}).apply("bill\n\xff"), "\xff");  // not UTF-8
}

TEST(LineRules, RefusesBadPatterns) {
  const auto problem = [](const std::vector<LineRules::Rule>& rules) {
    const auto result = LineRules::compile(rules);
    return result ? std::string("none") : result.error().message;
  };
  EXPECT_THAT(problem({{"ok", {}}, {"a(b", {}}}), HasSubstr("pattern \"a(b\": missing closing parenthesis"));
  EXPECT_THAT(problem({{"", {}}}), HasSubstr("must have 1 to 1024"));
  EXPECT_THAT(problem({{std::string(1025, 'a'), {}}}), HasSubstr("1025 bytes"));
  EXPECT_THAT(problem(std::vector<LineRules::Rule>(65, {"a", {}})), HasSubstr("at most 64"));
}

TEST(LineRules, APatternThatWouldTakeForeverMatchesNothing) {
  const LineRules rules = compiled({{R"(^(a+)+\d$)", Action::kDrop}});
  const std::string line = std::string(64, 'a') + "!";
  EXPECT_EQ(rules.apply(line + "\naaa1"), line);
}

}  // namespace
}  // namespace hearth::text
