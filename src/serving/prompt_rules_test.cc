#include "serving/prompt_rules.h"

#include <gtest/gtest.h>

namespace hearth::serving {
namespace {

ChatMessage message(std::string role, std::string content) {
  ChatMessage result;
  result.role = std::move(role);
  result.content = std::move(content);
  return result;
}

TEST(PromptRules, TheDefaultDropsABillingHeader) {
  const auto rules = text::LineRules::compile(default_prompt_rules());
  ASSERT_TRUE(rules) << rules.error().message;
  const std::string header =
      "x-anthropic-billing-header: cc_version=2.1.36.a1b; cc_entrypoint=cli; cch=0f3e9;";
  const auto edited = with_rules(*rules, {message("system", header + "\nYou are an agent.\nHelp."),
                                          message("user", header + "\nWhat is this?")});
  ASSERT_EQ(edited.size(), 2u);
  EXPECT_EQ(edited[0].content, "You are an agent.\nHelp.");
  EXPECT_EQ(edited[1].content, header + "\nWhat is this?");  // a person's words stay as they are
}

TEST(PromptRules, AnEmptiedSystemMessageIsTakenOut) {
  const auto rules = text::LineRules::compile({{"^date", text::LineRules::Action::kDrop}});
  ASSERT_TRUE(rules);
  const auto edited =
      with_rules(*rules, {message("system", "date: 1\n"), message("developer", ""), message("user", "date")});
  ASSERT_EQ(edited.size(), 2u);
  EXPECT_EQ(edited[0].role, "developer");
}

}  // namespace
}  // namespace hearth::serving
