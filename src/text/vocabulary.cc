#include "text/vocabulary.h"

#include <algorithm>
#include <cmath>

#include "text/hash.h"
#include "text/utf8.h"

namespace hearth::text {
namespace {

// Tokens that end an answer, by the spellings of the published families. They count where the file marks them
// as control or user-defined, never as ordinary text.
constexpr std::string_view kEndSpellings[] = {
    "<eos>",
    "<turn|>",
    "<|tool_response>",
    "<end_of_turn>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|im_end|>",
    "<|end|>",
    "<｜end▁of▁sentence｜>",
    "<|END_OF_TURN_TOKEN|>",
};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// The byte of "<0xNN>", or -1.
int spelled_byte(std::string_view s) {
  if (s.size() != 6 || !s.starts_with("<0x") || s[5] != '>') return -1;
  const int high = hex_digit(s[3]);
  const int low = hex_digit(s[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

}  // namespace

Result<Vocabulary> Vocabulary::create(VocabularySpec spec) {
  Vocabulary vocabulary(std::move(spec));
  HEARTH_CHECK_OK(vocabulary.check_arrays());
  HEARTH_CHECK_OK(vocabulary.check_tokens());
  HEARTH_CHECK_OK(vocabulary.check_special_ids());
  vocabulary.build_index();
  vocabulary.collect_end_of_generation();
  return vocabulary;
}

Status Vocabulary::check_arrays() {
  const size_t n = spec_.tokens.size();
  if (n == 0) return fail(ErrorCategory::kCorrupt, "the vocabulary has no tokens");
  if (n > kMaxTokens)
    return fail(ErrorCategory::kCorrupt, "the vocabulary has {} tokens, more than {}", n, kMaxTokens);
  if (!spec_.scores.empty() && spec_.scores.size() != n) {
    return fail(ErrorCategory::kCorrupt, "the vocabulary has {} tokens but {} scores", n,
                spec_.scores.size());
  }
  if (!spec_.types.empty() && spec_.types.size() != n) {
    return fail(ErrorCategory::kCorrupt, "the vocabulary has {} tokens but {} token types", n,
                spec_.types.size());
  }
  for (size_t i = 0; i < spec_.scores.size(); ++i) {
    if (std::isnan(spec_.scores[i]))
      return fail(ErrorCategory::kCorrupt, "the score of token {} is not a number", i);
  }
  return {};
}

Status Vocabulary::check_tokens() {
  byte_tokens_.fill(kNoToken);
  types_.resize(size(), TokenType::kNormal);
  for (size_t i = 0; i < size(); ++i) {
    const std::string_view spelling = spec_.tokens[i];
    if (spelling.size() > kMaxPieceBytes) {
      return fail(ErrorCategory::kCorrupt, "token {} has {} bytes, more than {}", i, spelling.size(),
                  kMaxPieceBytes);
    }
    if (!is_valid_utf8(spelling)) return fail(ErrorCategory::kCorrupt, "token {} is not valid UTF-8", i);

    if (!spec_.types.empty()) {
      const int64_t type = spec_.types[i];
      if (type < 0 || type > static_cast<int64_t>(TokenType::kByte)) {
        return fail(ErrorCategory::kCorrupt, "token {} has the unknown type {}", i, type);
      }
      // 0 is "undefined" in files of early converters.
      types_[i] = type == 0 ? TokenType::kNormal : static_cast<TokenType>(type);
    } else if (spec_.model != "gpt2" && spelled_byte(spelling) >= 0) {
      types_[i] = TokenType::kByte;
    }

    const auto id = static_cast<TokenId>(i);
    switch (types_[i]) {
      case TokenType::kByte: {
        const int byte = spelled_byte(spelling);
        if (byte < 0) {
          return fail(ErrorCategory::kCorrupt, "token {} is a byte token but is not spelled <0xNN>", i);
        }
        auto& slot = byte_tokens_[static_cast<size_t>(byte)];
        if (slot == kNoToken) slot = id;
        break;
      }
      case TokenType::kControl:
      case TokenType::kUnknown:
      case TokenType::kUserDefined:
        if (spelling.size() > kMaxSpecialBytes) {
          return fail(ErrorCategory::kCorrupt, "the special token {} has {} bytes, more than {}", i,
                      spelling.size(), kMaxSpecialBytes);
        }
        break;
      default:
        break;
    }
    if (is_encodable(id)) longest_encodable_bytes_ = std::max(longest_encodable_bytes_, spelling.size());
  }
  return {};
}

Status Vocabulary::check_special_ids() {
  const struct {
    std::string_view name;
    const std::optional<TokenId>& id;
  } ids[] = {
      {"bos", spec_.bos}, {"eos", spec_.eos},         {"eot", spec_.eot},
      {"eom", spec_.eom}, {"unknown", spec_.unknown}, {"separator", spec_.separator},
      {"cls", spec_.cls}, {"mask", spec_.mask},
  };
  for (const auto& [name, id] : ids) {
    if (id && !contains(*id)) {
      return fail(ErrorCategory::kCorrupt, "the {} token id {} is outside the vocabulary of {} tokens", name,
                  *id, size());
    }
  }
  if (spec_.padding && !contains(*spec_.padding)) spec_.padding.reset();
  for (const int64_t id : spec_.suppressed) {
    if (id < 0 || static_cast<uint64_t>(id) >= size()) {
      return fail(ErrorCategory::kCorrupt,
                  "the suppressed token id {} is outside the vocabulary of {} tokens", id, size());
    }
  }
  return {};
}

void Vocabulary::build_index() {
  seed_ = random_seed();
  slots_.assign(size() * 2, Slot{0, kNoToken});
  for (size_t i = 0; i < size(); ++i) {
    const std::string_view spelling = spec_.tokens[i];
    const auto id = static_cast<TokenId>(i);
    const uint64_t hash = hash_bytes(spelling, seed_);
    const auto fingerprint = static_cast<uint32_t>(hash);
    size_t at = hash_slot(hash, slots_.size());
    for (; slots_[at].id != kNoToken; at = at + 1 == slots_.size() ? 0 : at + 1) {
      if (slots_[at].fingerprint == fingerprint && this->spelling(slots_[at].id) == spelling) break;
    }
    if (slots_[at].id == kNoToken || (is_encodable(id) && !is_encodable(slots_[at].id)))
      slots_[at] = {fingerprint, id};
  }
}

TokenId Vocabulary::find_hashed(std::string_view spelling, uint64_t hash) const {
  const auto fingerprint = static_cast<uint32_t>(hash);
  for (size_t at = hash_slot(hash, slots_.size()); slots_[at].id != kNoToken;
       at = at + 1 == slots_.size() ? 0 : at + 1) {
    if (slots_[at].fingerprint == fingerprint && this->spelling(slots_[at].id) == spelling)
      return slots_[at].id;
  }
  return kNoToken;
}

TokenId Vocabulary::find(std::string_view spelling) const {
  return find_hashed(spelling, hash_bytes(spelling, seed_));
}

void Vocabulary::find_all(std::span<const std::string_view> spellings, std::span<TokenId> ids) const {
  constexpr size_t kBatch = 64;
  std::array<uint64_t, kBatch> hashes;
  for (size_t begin = 0; begin < spellings.size(); begin += kBatch) {
    const size_t n = std::min(kBatch, spellings.size() - begin);
    for (size_t i = 0; i < n; ++i) {
      hashes[i] = hash_bytes(spellings[begin + i], seed_);
      __builtin_prefetch(&slots_[hash_slot(hashes[i], slots_.size())]);
    }
    // The token in the first slot is nearly always the one: fetch its view, then its bytes.
    const auto guess = [&](size_t i) { return slots_[hash_slot(hashes[i], slots_.size())].id; };
    for (size_t i = 0; i < n; ++i) {
      if (guess(i) != kNoToken) __builtin_prefetch(&spec_.tokens[static_cast<size_t>(guess(i))]);
    }
    for (size_t i = 0; i < n; ++i) {
      if (guess(i) != kNoToken) __builtin_prefetch(this->spelling(guess(i)).data());
    }
    for (size_t i = 0; i < n; ++i) ids[begin + i] = find_hashed(spellings[begin + i], hashes[i]);
  }
}

TokenId Vocabulary::find_encodable(std::string_view spelling) const {
  if (spelling.size() > longest_encodable_bytes_) return kNoToken;
  const TokenId id = find(spelling);
  return id != kNoToken && is_encodable(id) ? id : kNoToken;
}

uint8_t Vocabulary::byte_value(TokenId id) const {
  return static_cast<uint8_t>(spelled_byte(spelling(id)));
}

void Vocabulary::collect_end_of_generation() {
  auto& ids = end_of_generation_;
  for (const auto& id : {spec_.eos, spec_.eot, spec_.eom}) {
    if (id) ids.push_back(*id);
  }
  // In the harmony format <|end|> closes one message of several, not the answer.
  const bool harmony = find("<|return|>") != kNoToken && find("<|call|>") != kNoToken;
  const auto add = [&](std::string_view spelling) {
    const TokenId id = find(spelling);
    if (id == kNoToken) return;
    const bool marked = type(id) == TokenType::kControl || type(id) == TokenType::kUserDefined;
    if (marked || spec_.types.empty()) ids.push_back(id);
  };
  for (const std::string_view spelling : kEndSpellings) {
    if (!(harmony && spelling == "<|end|>")) add(spelling);
  }
  if (harmony) {
    add("<|return|>");
    add("<|call|>");
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

}  // namespace hearth::text
