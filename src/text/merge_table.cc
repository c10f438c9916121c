#include "text/merge_table.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "text/hash.h"

namespace hearth::text {

bool split_merge(std::string_view merge, std::string_view& left, std::string_view& right) {
  const size_t space = merge.find(' ', 1);
  if (space == std::string_view::npos || space + 1 == merge.size()) return false;
  left = merge.substr(0, space);
  right = merge.substr(space + 1);
  return true;
}

size_t MergeTable::slot_of(uint64_t key) const {
  return hash_slot(hash_number(key, seed_), slots_.size());
}

void MergeTable::insert(uint64_t key, Merge merge) {
  size_t at = slot_of(key);
  while (slots_[at].key != kEmpty && slots_[at].key != key) at = at + 1 == slots_.size() ? 0 : at + 1;
  if (slots_[at].key == kEmpty) slots_[at] = {key, merge};
}

Result<MergeTable> MergeTable::create(const Vocabulary& vocabulary) {
  const auto merges = vocabulary.spec().merges;
  if (merges.size() > Vocabulary::kMaxTokens) {
    return fail(ErrorCategory::kCorrupt, "the vocabulary has {} merges, more than {}", merges.size(),
                Vocabulary::kMaxTokens);
  }
  MergeTable table;
  table.seed_ = random_seed();
  table.slots_.resize(merges.size() + merges.size() / 2 + 1);

  // In batches, so that look-ups and insertions overlap their waiting for memory. Per merge: left, right,
  // joined.
  constexpr uint32_t kBatch = 64;
  std::array<std::string, kBatch> joined;
  std::array<std::string_view, 3 * kBatch> spellings;
  std::array<TokenId, 3 * kBatch> ids;
  for (uint32_t begin = 0; begin < merges.size(); begin += kBatch) {
    const auto n = static_cast<uint32_t>(std::min<size_t>(kBatch, merges.size() - begin));
    for (uint32_t i = 0; i < n; ++i) {
      std::string_view left;
      std::string_view right;
      if (!split_merge(merges[begin + i], left, right)) {
        return fail(ErrorCategory::kCorrupt, "merge {} is not two tokens with a space between them",
                    begin + i);
      }
      joined[i].assign(left).append(right);
      spellings[3 * i] = left;
      spellings[3 * i + 1] = right;
      spellings[3 * i + 2] = joined[i];
    }
    vocabulary.find_all(std::span(spellings).first(3 * n), ids);
    for (uint32_t i = 0; i < n; ++i) {
      if (ids[3 * i] == Vocabulary::kNoToken || ids[3 * i + 1] == Vocabulary::kNoToken) {
        return fail(ErrorCategory::kCorrupt, "merge {} joins something that is not in the vocabulary",
                    begin + i);
      }
      if (ids[3 * i + 2] == Vocabulary::kNoToken) {
        return fail(ErrorCategory::kCorrupt, "merge {} makes something that is not in the vocabulary",
                    begin + i);
      }
      __builtin_prefetch(&table.slots_[table.slot_of(pair_key(ids[3 * i], ids[3 * i + 1]))], 1);
    }
    for (uint32_t i = 0; i < n; ++i) {
      const TokenId id = ids[3 * i + 2];
      if (vocabulary.is_encodable(id)) table.insert(pair_key(ids[3 * i], ids[3 * i + 1]), {begin + i, id});
    }
  }
  return table;
}

}  // namespace hearth::text
