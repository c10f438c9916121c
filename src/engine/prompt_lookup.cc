#include "engine/prompt_lookup.h"

#include <algorithm>
#include <bit>

namespace hearth::engine {

PromptLookup::Match PromptLookup::find(std::span<const int32_t> tokens) {
  index(tokens);
  size_t slots[kLongest + 1];
  find_slots(tokens, tokens.size(), slots);
  for (size_t n = std::min(kLongest, tokens.size()); n >= kShortest; --n) {
    const auto position = static_cast<size_t>(table_[slots[n]]);
    const size_t limit = std::min(position, static_cast<size_t>(kLongestMatch));
    size_t length = 0;
    while (length < limit && tokens[position - 1 - length] == tokens[tokens.size() - 1 - length]) ++length;
    if (length >= n) return {static_cast<int64_t>(length), static_cast<int64_t>(position)};
  }
  return {};
}

std::vector<int32_t> PromptLookup::draft(std::span<const int32_t> tokens, const Match& match, int64_t n) {
  std::vector<int32_t> draft;
  for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
    const size_t position = static_cast<size_t>(match.position) + i;
    draft.push_back(position < tokens.size() ? tokens[position] : draft[position - tokens.size()]);
  }
  return draft;
}

// Enters every n-gram that a token follows.
void PromptLookup::index(std::span<const int32_t> tokens) {
  if (table_.size() < 4 * tokens.size()) {
    table_.assign(std::bit_ceil(4 * tokens.size()), 0);
    n_indexed_ = 0;
  }
  size_t slots[kLongest + 1];
  for (n_indexed_ = std::max(n_indexed_, kShortest); n_indexed_ < tokens.size(); ++n_indexed_) {
    find_slots(tokens, n_indexed_, slots);
    for (size_t n = kShortest; n <= std::min(kLongest, n_indexed_); ++n) {
      table_[slots[n]] = static_cast<int32_t>(n_indexed_);
    }
  }
}

// slots[n]: of the n tokens before `end`.
void PromptLookup::find_slots(std::span<const int32_t> tokens, size_t end,
                              size_t (&slots)[kLongest + 1]) const {
  uint64_t hash = 0;
  for (size_t n = 1; n <= std::min(kLongest, end); ++n) {
    hash = (std::rotl(hash, 31) ^ static_cast<uint32_t>(tokens[end - n])) * 0x9e3779b97f4a7c15;
    slots[n] = hash >> (64 - std::countr_zero(table_.size()));
  }
}

}  // namespace hearth::engine
