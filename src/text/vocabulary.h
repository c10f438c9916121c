// Token ids and the bytes they stand for.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::text {

using TokenId = int32_t;

enum class TokenType : int32_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

// What a model file says about its tokenizer (the tokenizer.ggml.* keys), as borrowed views. The views must
// stay valid as long as any Vocabulary or Tokenizer made from it: they point into the mapped file.
struct VocabularySpec {
  std::string_view model;                       // "llama", "gpt2", "gemma4", "bert"
  std::string_view pre;                         // pre-tokenizer of "gpt2": "llama-bpe", "qwen2", …
  std::span<const std::string_view> tokens;
  std::vector<float> scores;                    // empty or one per token
  std::vector<int64_t> types;                   // empty or one TokenType per token
  std::span<const std::string_view> merges;     // "left right"
  std::optional<TokenId> bos, eos, eot, eom, unknown, padding, separator, mask, cls;
  std::optional<bool> add_bos, add_eos, add_sep, add_space_prefix;
  std::optional<bool> remove_extra_whitespaces;
  std::optional<bool> lowercase, strip_accents;
  std::vector<int64_t> suppressed;              // ids never sampled
};

}  // namespace hearth::text
