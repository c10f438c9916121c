#include "serving/chat_fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace hearth::serving {
namespace {

using ::testing::HasSubstr;

ChatMessage message(std::string role, std::string content) {
  ChatMessage result;
  result.role = std::move(role);
  result.content = std::move(content);
  return result;
}

class ChatFitTest : public ::testing::Test {
 protected:
  ChatFitTest()
      : file_(*gguf::ModelFile::open(std::filesystem::path(HEARTH_TEST_DATA) / "models/stories260K.gguf")),
        text_(*TextModel::open(file_)) {
    prompt_.messages = {message("system", "be kind"),       message("user", "the first question"),
                        message("assistant", "an answer"),  message("tool", "a result"),
                        message("assistant", "one more"),   message("user", "the second question"),
                        message("system", "keep to facts"), message("assistant", "yes"),
                        message("user", "the last one"),    message("assistant", "well")};
  }

  int64_t length(const std::vector<size_t>& kept) const { return static_cast<int64_t>(encoded(kept).size()); }
  std::vector<text::TokenId> encoded(const std::vector<size_t>& kept) const {
    ChatPrompt prompt;
    for (const size_t i : kept) prompt.messages.push_back(prompt_.messages[i]);
    return *text_->encode(prompt);
  }

  gguf::ModelFile file_;
  std::unique_ptr<TextModel> text_;
  ChatPrompt prompt_;
};

TEST_F(ChatFitTest, DropsTheFewestOldestTurns) {
  const std::vector<size_t> all = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  const std::vector<size_t> without_one = {0, 5, 6, 7, 8, 9};
  const std::vector<size_t> least = {0, 6, 8, 9};
  const struct {
    int64_t room;
    const std::vector<size_t>& kept;
  } cases[] = {{length(all), all},
               {length(all) - 1, without_one},
               {length(without_one), without_one},
               {length(without_one) - 1, least},
               {length(least), least}};
  for (const auto& [room, kept] : cases) {
    const auto fitted = fit_chat(*text_, prompt_, room);
    ASSERT_TRUE(fitted) << fitted.error().message;
    EXPECT_EQ(fitted->chat.ids, encoded(kept));
    EXPECT_EQ(fitted->n_dropped_messages, static_cast<int64_t>(all.size() - kept.size()));
  }
}

TEST_F(ChatFitTest, WhatMustStayIsAnErrorWithTheNumbers) {
  const int64_t least = length({0, 6, 8, 9});
  const auto fitted = fit_chat(*text_, prompt_, least - 1);
  ASSERT_FALSE(fitted);
  EXPECT_EQ(fitted.error().category, ErrorCategory::kContextExceeded);
  EXPECT_THAT(fitted.error().message, HasSubstr(std::to_string(text_->encode(prompt_)->size()) + " tokens"));
  EXPECT_THAT(fitted.error().message, HasSubstr(std::to_string(least - 1)));
}

TEST_F(ChatFitTest, ASingleTurnHasNothingToDrop) {
  prompt_.messages = {message("system", "be kind"), message("user", "a question")};
  const int64_t whole = length({0, 1});
  EXPECT_TRUE(fit_chat(*text_, prompt_, whole));
  EXPECT_EQ(fit_chat(*text_, prompt_, whole - 1).error().category, ErrorCategory::kContextExceeded);
  prompt_.messages = {message("assistant", "hello")};
  EXPECT_FALSE(fit_chat(*text_, prompt_, 1));
}

}  // namespace
}  // namespace hearth::serving
