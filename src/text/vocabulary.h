// Token ids and the bytes they stand for.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace hearth::text {

using TokenId = int32_t;

enum class TokenType : uint8_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6
};

// What a model file says about its tokenizer (the tokenizer.ggml.* keys), as borrowed views. The views must
// stay valid as long as any Vocabulary or Tokenizer made from it: they point into the mapped file.
struct VocabularySpec {
  std::string_view model;  // "llama", "gpt2", "gemma4", "bert"
  std::string_view pre;    // pre-tokenizer of "gpt2": "llama-bpe", "qwen2", …
  std::span<const std::string_view> tokens;
  std::vector<float> scores;                 // empty or one per token
  std::vector<int64_t> types;                // empty or one TokenType per token
  std::span<const std::string_view> merges;  // "left right"
  std::optional<TokenId> bos, eos, eot, eom, unknown, padding, separator, mask, cls;
  std::optional<bool> add_bos, add_eos, add_sep, add_space_prefix;
  std::optional<bool> remove_extra_whitespaces;
  std::optional<bool> lowercase, strip_accents;
  // Filling in the middle: what stands before the code in front of a gap, before the code behind it and
  // before what fills it; before a project's name and before each of its files; and where an answer is cut
  // short.
  std::optional<TokenId> fim_prefix, fim_suffix, fim_middle, fim_project, fim_file, fim_padding;
  std::vector<int64_t> suppressed;  // ids never sampled
};

// A checked VocabularySpec with its look-ups. Immutable; any thread.
class Vocabulary {
 public:
  // Limits that real files stay far below; they bound what a hostile one can cost.
  static constexpr size_t kMaxTokens = size_t{1} << 24;
  static constexpr size_t kMaxPieceBytes = 8192;
  static constexpr size_t kMaxSpecialBytes = 512;  // of control and user-defined tokens

  // Errors: kCorrupt names the id or array at fault. A padding id outside the vocabulary counts as absent
  // (published files have it, and nothing uses it).
  static Result<Vocabulary> create(VocabularySpec spec);

  const VocabularySpec& spec() const { return spec_; }
  size_t size() const { return spec_.tokens.size(); }
  bool contains(TokenId id) const { return id >= 0 && static_cast<size_t>(id) < size(); }

  // For ids inside the vocabulary.
  std::string_view spelling(TokenId id) const { return spec_.tokens[static_cast<size_t>(id)]; }
  TokenType type(TokenId id) const { return types_[static_cast<size_t>(id)]; }
  float score(TokenId id) const { return spec_.scores[static_cast<size_t>(id)]; }
  // Whether ordinary text may become this token: normal and user-defined ones. Text that merely spells a
  // control, unknown, unused or byte token never does.
  bool is_encodable(TokenId id) const {
    return type(id) == TokenType::kNormal || type(id) == TokenType::kUserDefined;
  }

  // kNoToken when absent. Of several tokens spelled alike, an encodable one wins, then the lowest id.
  static constexpr TokenId kNoToken = -1;
  TokenId find(std::string_view spelling) const;
  TokenId find_encodable(std::string_view spelling) const;
  // find() for many at once: ids[i] for spellings[i]. The look-ups overlap their waiting for memory, which
  // makes them several times as fast in a large vocabulary.
  void find_all(std::span<const std::string_view> spellings, std::span<TokenId> ids) const;

  // <0x00> … <0xFF> tokens: the id for a byte, and the byte of a token of type kByte.
  TokenId byte_token(uint8_t byte) const { return byte_tokens_[byte]; }
  uint8_t byte_value(TokenId id) const;

  std::span<const TokenId> end_of_generation() const { return end_of_generation_; }
  size_t longest_encodable_bytes() const { return longest_encodable_bytes_; }

 private:
  struct Slot {
    uint32_t fingerprint;
    TokenId id;
  };

  explicit Vocabulary(VocabularySpec spec) : spec_(std::move(spec)) {}
  Status check_arrays();
  Status check_tokens();
  Status check_special_ids();
  void build_index();
  TokenId find_hashed(std::string_view spelling, uint64_t hash) const;
  void collect_end_of_generation();

  VocabularySpec spec_;
  std::vector<TokenType> types_;
  std::vector<Slot> slots_;  // open addressing, linear probing
  uint64_t seed_ = 0;
  std::array<TokenId, 256> byte_tokens_{};
  std::vector<TokenId> end_of_generation_;
  size_t longest_encodable_bytes_ = 0;
};

}  // namespace hearth::text
