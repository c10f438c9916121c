// Greedy pairwise merging, the step all byte-pair encodings share: of all adjacent pairs the one with the
// lowest rank becomes one symbol, the leftmost first, until no pair can be merged.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "text/vocabulary.h"

namespace hearth::text {

inline constexpr uint32_t kNoRank = UINT32_MAX;

struct Merge {
  uint32_t rank = kNoRank;
  TokenId id = Vocabulary::kNoToken;  // what the pair becomes
};

struct Symbol {
  uint32_t begin = 0;  // byte range in the text being merged
  uint32_t length = 0;
  TokenId id = Vocabulary::kNoToken;
  Merge merge;  // of this symbol with the next one
  uint32_t previous = 0;
  uint32_t next = 0;
};

class SymbolMerger {
 public:
  void clear() { symbols_.clear(); }
  void push(uint32_t begin, uint32_t length, TokenId id) {
    symbols_.push_back({begin, length, id, {}, 0, 0});
  }

  // find_merge(left, right) gives the Merge of two adjacent symbols, or an empty one. Afterwards symbols()
  // are the result, in order. O(n log n) look-ups and heap steps.
  template <typename FindMerge>
  void run(const FindMerge& find_merge) {
    // Words are short: searching a handful of ranks beats a heap.
    constexpr size_t kSmall = 24;
    if (symbols_.size() < 2) return;
    for (size_t i = 0; i + 1 < symbols_.size(); ++i)
      symbols_[i].merge = find_merge(symbols_[i], symbols_[i + 1]);
    symbols_.size() <= kSmall ? run_small(find_merge) : run_large(find_merge);
  }

  const std::vector<Symbol>& symbols() const { return symbols_; }

 private:
  static constexpr uint32_t kEnd = UINT32_MAX;

  static void absorb(Symbol& left, const Symbol& right) {
    left.id = left.merge.id;
    left.length += right.length;
    left.merge = {};
  }

  template <typename FindMerge>
  void run_small(const FindMerge& find_merge) {
    size_t n = symbols_.size();
    while (n > 1) {
      size_t best = 0;
      for (size_t i = 1; i + 1 < n; ++i) {
        if (symbols_[i].merge.rank < symbols_[best].merge.rank) best = i;
      }
      if (symbols_[best].merge.rank == kNoRank) break;
      absorb(symbols_[best], symbols_[best + 1]);
      std::move(symbols_.begin() + static_cast<ptrdiff_t>(best) + 2,
                symbols_.begin() + static_cast<ptrdiff_t>(n),
                symbols_.begin() + static_cast<ptrdiff_t>(best) + 1);
      --n;
      if (best > 0) symbols_[best - 1].merge = find_merge(symbols_[best - 1], symbols_[best]);
      if (best + 1 < n) symbols_[best].merge = find_merge(symbols_[best], symbols_[best + 1]);
    }
    symbols_.resize(n);
  }

  // The heap holds rank << 32 | index of the left symbol. An entry is current when the symbol still has that
  // rank with its right neighbour; a symbol that was absorbed has none.
  template <typename FindMerge>
  void run_large(const FindMerge& find_merge) {
    heap_.clear();
    const auto entry = [](uint32_t rank, uint32_t index) {
      return static_cast<uint64_t>(rank) << 32 | index;
    };
    const auto n = static_cast<uint32_t>(symbols_.size());
    for (uint32_t i = 0; i < n; ++i) {
      symbols_[i].previous = i == 0 ? kEnd : i - 1;
      symbols_[i].next = i + 1 == n ? kEnd : i + 1;
      if (symbols_[i].merge.rank != kNoRank) heap_.push_back(entry(symbols_[i].merge.rank, i));
    }
    std::make_heap(heap_.begin(), heap_.end(), std::greater<>());

    const auto refresh = [&](uint32_t index) {
      Symbol& left = symbols_[index];
      left.merge = find_merge(left, symbols_[left.next]);
      if (left.merge.rank == kNoRank) return;
      heap_.push_back(entry(left.merge.rank, index));
      std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
    };
    while (!heap_.empty()) {
      const uint64_t top = heap_.front();
      std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
      heap_.pop_back();
      const auto index = static_cast<uint32_t>(top);
      Symbol& left = symbols_[index];
      if (left.merge.rank != static_cast<uint32_t>(top >> 32)) continue;

      Symbol& right = symbols_[left.next];
      absorb(left, right);
      left.next = right.next;
      right.length = 0;
      right.merge = {};
      if (left.next != kEnd) {
        symbols_[left.next].previous = index;
        refresh(index);
      }
      if (left.previous != kEnd) refresh(left.previous);
    }
    std::erase_if(symbols_, [](const Symbol& symbol) { return symbol.length == 0; });
  }

  std::vector<Symbol> symbols_;
  std::vector<uint64_t> heap_;
};

}  // namespace hearth::text
