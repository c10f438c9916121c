#include "text/pre_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hearth::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> pieces(const PreTokenizer& pre_tokenizer, std::string_view text) {
  std::vector<uint32_t> ends;
  pre_tokenizer.split(text, ends);
  std::vector<std::string> out;
  size_t begin = 0;
  for (const uint32_t end : ends) {
    out.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  EXPECT_EQ(begin, text.size());
  return out;
}

std::vector<std::string> pieces(std::string_view rule, std::string_view text) {
  const auto found = find_pre_tokenizer_rule(rule);
  EXPECT_TRUE(found);
  return pieces(*PreTokenizer::compile((*found)->patterns), text);
}

TEST(PreTokenizer, CutsAsTheModelsDo) {
  EXPECT_THAT(pieces("gpt-2", "I've 1234  cats!"), ElementsAre("I", "'ve", " 1234", " ", " cats", "!"));
  EXPECT_THAT(pieces("llama-bpe", "I'VE 1234  cats!\n\n x"),
              ElementsAre("I", "'VE", " ", "123", "4", " ", " cats", "!\n\n", " x"));
  EXPECT_THAT(pieces("qwen2", "a12"), ElementsAre("a", "1", "2"));
  // A combining mark belongs to the word for Qwen 3.5 only.
  EXPECT_THAT(pieces("qwen2", "e\u0301x"), ElementsAre("e", "\u0301x"));
  EXPECT_THAT(pieces("qwen35", "e\u0301x"), ElementsAre("e\u0301x"));
  EXPECT_THAT(pieces("deepseek-llm", "ab  \n12  "), ElementsAre("ab", "  ", "\n", "12", "  "));
  EXPECT_THAT(pieces("gpt-2", ""), ElementsAre());
}

TEST(PreTokenizer, KnowsWhichCharactersAreWhiteSpace) {
  EXPECT_THAT(pieces("gpt-2", "a\u00A0\u3000\u0085b"), ElementsAre("a", "\u00A0\u3000", "\u0085", "b"));
  // U+180E has not been white space since Unicode 6.3.
  EXPECT_THAT(pieces("gpt-2", "a \u180Eb"), ElementsAre("a", " \u180E", "b"));
}

TEST(PreTokenizer, CutsInvalidBytesOut) {
  EXPECT_THAT(pieces("gpt-2", "ab\xFF\xFEzz"), ElementsAre("ab", "\xFF\xFE", "zz"));
  EXPECT_THAT(pieces("gpt-2", "\xE2\x82"), ElementsAre("\xE2\x82"));
}

TEST(PreTokenizer, NamesWhatItDoesNotKnow) {
  const auto rule = find_pre_tokenizer_rule("no-such");
  ASSERT_FALSE(rule);
  EXPECT_EQ(rule.error().category, ErrorCategory::kUnsupported);
  EXPECT_THAT(rule.error().message, HasSubstr("no-such"));
  EXPECT_THAT(rule.error().message, HasSubstr("qwen2"));
  EXPECT_EQ((*find_pre_tokenizer_rule(""))->name, "gpt-2");
}

TEST(PreTokenizer, SplitsInWindowsWhatAPatternCannotCopeWith) {
  // Exponential on a run of "a" with neither "b" nor "c" behind it.
  constexpr std::string_view kPatterns[] = {"(?:a|a|aa)+(?:b|c)"};
  const auto pre_tokenizer = PreTokenizer::compile(kPatterns);
  ASSERT_TRUE(pre_tokenizer);
  const std::string text = std::string(3000, 'a') + "é";
  const auto cut = pieces(*pre_tokenizer, text);  // checks that nothing is lost
  EXPECT_GT(cut.size(), 1u);
  EXPECT_LT(cut.size(), 10u);
}

}  // namespace
}  // namespace hearth::text
