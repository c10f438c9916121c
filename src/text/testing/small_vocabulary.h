// Small vocabularies for tests: a builder that owns the strings a VocabularySpec only borrows.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/byte_alphabet.h"
#include "text/tokenizer.h"

namespace hearth::text::testing {

class SmallVocabulary {
 public:
  explicit SmallVocabulary(std::string_view model, std::string_view pre = {}) {
    spec_.model = model;
    spec_.pre = pre;
  }

  TokenId add(std::string spelling, TokenType type = TokenType::kNormal, float score = 0) {
    tokens_.push_back(strings_.emplace_back(std::move(spelling)));
    spec_.types.push_back(static_cast<int64_t>(type));
    spec_.scores.push_back(score);
    return static_cast<TokenId>(tokens_.size() - 1);
  }
  TokenId control(std::string spelling) { return add(std::move(spelling), TokenType::kControl); }
  TokenId user_defined(std::string spelling) { return add(std::move(spelling), TokenType::kUserDefined); }

  // Adds "left right" and, where it is new, the token it makes.
  void merge(const std::string& left, const std::string& right) {
    const std::string joined = left + right;
    bool known = false;
    for (const std::string_view token : tokens_) known = known || token == joined;
    if (!known) add(joined);
    raw_merge(left + " " + right);
  }
  void raw_merge(std::string merge) { merges_.push_back(strings_.emplace_back(std::move(merge))); }

  // The first symbols of byte-level BPE, or the byte tokens of the other models.
  void add_byte_characters() {
    for (int byte = 0; byte < 256; ++byte) {
      std::string character;
      append_byte_character(static_cast<uint8_t>(byte), character);
      add(character);
    }
  }
  void add_byte_tokens() {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    for (size_t byte = 0; byte < 256; ++byte) {
      add(std::string("<0x") + kHex[byte / 16] + kHex[byte % 16] + ">", TokenType::kByte);
    }
  }

  VocabularySpec& spec() {
    spec_.tokens = tokens_;
    spec_.merges = merges_;
    return spec_;
  }
  Result<std::unique_ptr<Tokenizer>> create() { return Tokenizer::create(spec()); }

 private:
  std::deque<std::string> strings_;
  std::vector<std::string_view> tokens_;
  std::vector<std::string_view> merges_;
  VocabularySpec spec_;
};

}  // namespace hearth::text::testing
