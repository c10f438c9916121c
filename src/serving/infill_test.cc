// A gap as tokens: the order of the pieces, several files, and vocabularies that cannot.
#include "serving/infill.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hearth::serving {
namespace {

// A byte-level vocabulary of single letters, and markers behind it.
class Words {
 public:
  explicit Words(std::vector<std::string> markers, text::TokenType type = text::TokenType::kControl) {
    for (char c = '!'; c <= '~'; ++c) spellings_.push_back(std::string(1, c));
    spellings_.insert(spellings_.end(), {"Ġ", "Ċ"});
    types_.assign(spellings_.size(), 1);
    for (std::string& marker : markers) spellings_.push_back(std::move(marker));
    types_.resize(spellings_.size(), static_cast<int64_t>(type));
    views_.assign(spellings_.begin(), spellings_.end());
    text::VocabularySpec spec;
    spec.model = "gpt2";
    spec.pre = "qwen2";
    spec.tokens = views_;
    spec.types = types_;
    auto tokenizer = text::Tokenizer::create(std::move(spec));
    EXPECT_TRUE(tokenizer) << tokenizer.error().message;
    tokenizer_ = std::move(*tokenizer);
  }

  const text::Tokenizer& tokenizer() const { return *tokenizer_; }
  std::string shown(const std::vector<text::TokenId>& ids) const { return tokenizer_->decode(ids, true); }
  text::TokenId id(std::string_view spelling) const { return *tokenizer_->find(spelling); }

 private:
  std::vector<std::string> spellings_;
  std::vector<std::string_view> views_;
  std::vector<int64_t> types_;
  std::unique_ptr<text::Tokenizer> tokenizer_;
};

const std::vector<std::string> kQwen = {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>",
                                        "<|fim_pad|>",    "<|repo_name|>",  "<|file_sep|>"};

TEST(Infill, PrefixSuffixMiddle) {
  const Words words(kQwen);
  const auto tokens = encode_infill(words.tokenizer(), {.prefix = "a(", .suffix = ")b", .beginning = "x"});
  ASSERT_TRUE(tokens) << tokens.error().message;
  EXPECT_EQ(words.shown(tokens->prompt), "<|fim_prefix|>a(<|fim_suffix|>)b<|fim_middle|>x");
  EXPECT_EQ(std::count(tokens->ends.begin(), tokens->ends.end(), words.id("<|fim_pad|>")), 1);
  EXPECT_EQ(std::count(tokens->ends.begin(), tokens->ends.end(), words.id("<|file_sep|>")), 1);
}

TEST(Infill, FilesOfTheProjectStandInFront) {
  const Words words(kQwen);
  const InfillPrompt gap{.prefix = "a", .suffix = "b", .files = {{"x.h", "one"}, {"y.h", "two"}}};
  auto tokens = encode_infill(words.tokenizer(), gap);
  ASSERT_TRUE(tokens);
  EXPECT_EQ(words.shown(tokens->prompt),
            "<|repo_name|>project\n<|file_sep|>x.h\none\n<|file_sep|>y.h\ntwo\n<|file_sep|>filename\n"
            "<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>");

  const Words plain({"<fim_prefix>", "<fim_suffix>", "<fim_middle>"});
  tokens = encode_infill(plain.tokenizer(), gap);
  ASSERT_TRUE(tokens);
  EXPECT_EQ(plain.shown(tokens->prompt), "one\ntwo\n<fim_prefix>a<fim_suffix>b<fim_middle>");
}

TEST(Infill, MarkersInTheCodeStayText) {
  for (const auto type : {text::TokenType::kControl, text::TokenType::kUserDefined}) {
    const Words words(kQwen, type);
    const auto tokens =
        encode_infill(words.tokenizer(), {.prefix = "<|fim_middle|>", .suffix = "<|file_sep|>"});
    ASSERT_TRUE(tokens);
    EXPECT_EQ(std::count(tokens->prompt.begin(), tokens->prompt.end(), words.id("<|fim_middle|>")), 1);
    EXPECT_EQ(std::count(tokens->prompt.begin(), tokens->prompt.end(), words.id("<|file_sep|>")), 0);
  }
}

TEST(Infill, AVocabularyWithoutMarkersIsRefused) {
  const Words words({"<|fim_prefix|>"});
  const auto tokens = encode_infill(words.tokenizer(), {.prefix = "a", .suffix = "b"});
  ASSERT_FALSE(tokens);
  EXPECT_EQ(tokens.error().category, ErrorCategory::kUnsupported);
}

}  // namespace
}  // namespace hearth::serving
