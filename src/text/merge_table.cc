#include "text/merge_table.h"

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

void MergeTable::insert(TokenId left, TokenId right, Merge merge) {
  const uint64_t key = pair_key(left, right);
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
  std::string joined;
  for (uint32_t rank = 0; rank < merges.size(); ++rank) {
    std::string_view left;
    std::string_view right;
    if (!split_merge(merges[rank], left, right)) {
      return fail(ErrorCategory::kCorrupt, "merge {} is not two tokens with a space between them", rank);
    }
    joined.assign(left).append(right);
    const TokenId left_id = vocabulary.find(left);
    const TokenId right_id = vocabulary.find(right);
    const TokenId id = vocabulary.find(joined);
    if (left_id == Vocabulary::kNoToken || right_id == Vocabulary::kNoToken) {
      return fail(ErrorCategory::kCorrupt, "merge {} joins something that is not in the vocabulary", rank);
    }
    if (id == Vocabulary::kNoToken) {
      return fail(ErrorCategory::kCorrupt, "merge {} makes something that is not in the vocabulary", rank);
    }
    if (vocabulary.is_encodable(id)) table.insert(left_id, right_id, {rank, id});
  }
  return table;
}

}  // namespace hearth::text
