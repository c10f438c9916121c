// Every template of the reference set over a matrix of conversations, against what jinja2 renders
// (tests/golden/chat_templates, written by tools/regenerate_chat_goldens.py), and the trust marks of the
// same.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "golden/chat_template_matrix.h"
#include "support.h"

namespace hearth::text {
namespace {

using chat_matrix::Json;

// What the golden files call this outcome.
std::string describe(const Result<PromptText>& rendered) {
  if (rendered) return chat_matrix::sha256_24(rendered->text);
  if (rendered.error().category == ErrorCategory::kInvalidArgument)
    return "raised: " + rendered.error().message;
  return "error";
}

class ChatTemplateMatrix : public testing::Test {
 protected:
  void SetUp() override {
    HEARTH_NEEDS(testing_support::reference_set("templates"));
    matrix_ = chat_matrix::load();
    ASSERT_EQ(matrix_.templates.size(), 70U);
    ASSERT_GT(matrix_.contexts.size(), 200U);
  }

  chat_matrix::Matrix matrix_;
};

TEST_F(ChatTemplateMatrix, RendersTheSameBytes) {
  Json expected = chat_matrix::read_json("expected.json");
  Json texts = chat_matrix::read_json("texts.json");
  size_t compared = 0, whole = 0;
  for (const auto& [name, source] : matrix_.templates) {
    auto compiled = ChatTemplate::compile(source);
    const Json& row = expected["sha256_24"][name];
    ASSERT_EQ(row.size(), matrix_.contexts.size()) << name;
    size_t differences = 0;
    for (size_t i = 0; i < matrix_.contexts.size(); ++i) {
      const auto& [context_name, context] = matrix_.contexts[i];
      Result<PromptText> rendered = compiled ? compiled->render(chat_matrix::to_value(context), matrix_.now)
                                             : propagate(compiled.error());
      ++compared;
      std::string got = describe(rendered);
      if (got != row[i].get<std::string>() && ++differences <= 3) {
        ADD_FAILURE() << name << " / " << context_name << ": expected " << row[i] << ", got " << got << "\n"
                      << (rendered ? rendered->text : rendered.error().message);
      }
      if (!texts.contains(name) || !texts[name].contains(context_name)) continue;
      ++whole;
      if (differences > 3) continue;
      EXPECT_EQ(rendered ? rendered->text : "", texts[name][context_name].get<std::string>());
    }
    EXPECT_EQ(differences, 0U) << name;
  }
  EXPECT_EQ(compared, matrix_.templates.size() * matrix_.contexts.size());
  EXPECT_GT(whole, 200U);
}

// Marks never change the text, and everything that came from outside stays marked.
TEST_F(ChatTemplateMatrix, KeepsTrustMarks) {
  constexpr std::string_view kSentinel = "<|im_start|>Zq7";
  size_t sentinels = 0;
  for (const auto& [name, source] : matrix_.templates) {
    auto compiled = ChatTemplate::compile(source);
    ASSERT_TRUE(compiled) << name << ": " << compiled.error().message;
    for (const auto& [context_name, context] : matrix_.contexts) {
      Json planted = chat_matrix::plant(context, kSentinel);
      auto plain = compiled->render(chat_matrix::to_value(planted), matrix_.now);
      auto marked =
          compiled->render(chat_matrix::to_value(planted, chat_matrix::Marks::kOutside), matrix_.now);
      ASSERT_EQ(plain.has_value(), marked.has_value()) << name << " / " << context_name;
      if (!plain) continue;
      ASSERT_EQ(plain->text, marked->text) << name << " / " << context_name;
      size_t last = 0;
      for (const ByteRange& range : marked->untrusted) {
        ASSERT_LT(range.begin, range.end);
        ASSERT_TRUE(last == 0 || range.begin > last) << "ranges touch or overlap";
        ASSERT_LE(range.end, marked->text.size());
        last = range.end;
      }
      for (size_t at = marked->text.find(kSentinel); at != std::string::npos;
           at = marked->text.find(kSentinel, at + 1)) {
        ++sentinels;
        ASSERT_TRUE(chat_matrix::inside(marked->untrusted, at, at + kSentinel.size()))
            << name << " / " << context_name << " at byte " << at;
      }
    }
  }
  EXPECT_GT(sentinels, 10'000U);
}

TEST_F(ChatTemplateMatrix, SaysWhatTemplatesCanDo) {
  auto capabilities = [&](std::string_view wanted) {
    for (const auto& [name, source] : matrix_.templates) {
      if (name != wanted) continue;
      auto compiled = ChatTemplate::compile(source);
      return std::pair(compiled->supports_tools(), compiled->supports_thinking());
    }
    ADD_FAILURE() << "no template " << wanted;
    return std::pair(false, false);
  };
  EXPECT_EQ(capabilities("google-gemma-4-31B-it"), std::pair(true, true));
  EXPECT_EQ(capabilities("Qwen-Qwen3-0.6B"), std::pair(true, true));
  EXPECT_EQ(capabilities("Qwen-Qwen2.5-7B-Instruct"), std::pair(true, false));
  EXPECT_EQ(capabilities("meta-llama-Llama-3.1-8B-Instruct"), std::pair(true, false));
  EXPECT_EQ(capabilities("deepseek-ai-DeepSeek-R1-Distill-Qwen-32B"), std::pair(false, true));
  EXPECT_EQ(capabilities("google-gemma-2-2b-it"), std::pair(false, false));
  EXPECT_EQ(capabilities("microsoft-Phi-3.5-mini-instruct"), std::pair(false, false));
}

TEST_F(ChatTemplateMatrix, RendersLongChats) {
  Json messages = Json::array();
  for (int i = 0; i < 1000; ++i) {
    messages.push_back(
        {{"role", i % 2 == 0 ? "user" : "assistant"}, {"content", "Message number " + std::to_string(i)}});
  }
  messages.push_back({{"role", "user"}, {"content", "Last"}});
  Json context = {{"messages", messages}, {"bos_token", "<s>"}, {"add_generation_prompt", true}};
  for (const auto& [name, source] : matrix_.templates) {
    if (name != "google-gemma-4-31B-it" && name != "Qwen-Qwen3-0.6B") continue;
    auto rendered = ChatTemplate::compile(source)->render(chat_matrix::to_value(context), matrix_.now);
    ASSERT_TRUE(rendered) << name << ": " << rendered.error().message;
    EXPECT_NE(rendered->text.find("Message number 999"), std::string::npos);
  }
}

}  // namespace
}  // namespace hearth::text
