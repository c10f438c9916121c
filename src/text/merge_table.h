// The merges of a byte-pair vocabulary: which two adjacent tokens become which, and how early.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/symbol_merger.h"
#include "text/vocabulary.h"

namespace hearth::text {

class MergeTable {
 public:
  // Errors: kCorrupt for a merge without a space or with a part or a result that is no token. Of equal pairs
  // the first counts. A merge into or out of what text cannot become (control tokens) never happens.
  static Result<MergeTable> create(const Vocabulary& vocabulary);

  Merge find(TokenId left, TokenId right) const {
    if (left < 0 || right < 0) return {};
    const uint64_t key = pair_key(left, right);
    for (size_t at = slot_of(key);; at = at + 1 == slots_.size() ? 0 : at + 1) {
      if (slots_[at].key == key) return slots_[at].merge;
      if (slots_[at].key == kEmpty) return {};
    }
  }

 private:
  static constexpr uint64_t kEmpty = UINT64_MAX;  // ids are never negative
  struct Slot {
    uint64_t key = kEmpty;
    Merge merge;
  };

  static uint64_t pair_key(TokenId left, TokenId right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  size_t slot_of(uint64_t key) const;
  void insert(uint64_t key, Merge merge);

  std::vector<Slot> slots_;  // open addressing, linear probing
  uint64_t seed_ = 0;
};

// Splits "left right" at the first space that is not the first character. False when there is none.
bool split_merge(std::string_view merge, std::string_view& left, std::string_view& right);

}  // namespace hearth::text
