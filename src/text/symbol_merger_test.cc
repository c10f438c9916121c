#include "text/symbol_merger.h"

#include <gtest/gtest.h>

#include <random>

namespace hearth::text {
namespace {

// Pairs of small ids merge into a third; which and how early is drawn once.
struct RandomMerges {
  explicit RandomMerges(uint32_t seed) : random(seed) {
    for (auto& row : table) {
      for (Merge& merge : row) {
        if (random() % 3 == 0)
          merge = {static_cast<uint32_t>(random() % 20), static_cast<TokenId>(random() % kIds)};
      }
    }
  }
  static constexpr size_t kIds = 8;
  std::mt19937 random;
  Merge table[kIds][kIds];

  Merge operator()(const Symbol& left, const Symbol& right) const { return table[left.id][right.id]; }
};

// The definition, without any cleverness.
std::vector<TokenId> merge_plainly(std::vector<TokenId> ids, const RandomMerges& merges) {
  while (true) {
    size_t best = ids.size();
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      const uint32_t rank = merges.table[ids[i]][ids[i + 1]].rank;
      if (rank != kNoRank && (best == ids.size() || rank < merges.table[ids[best]][ids[best + 1]].rank))
        best = i;
    }
    if (best == ids.size()) return ids;
    ids[best] = merges.table[ids[best]][ids[best + 1]].id;
    ids.erase(ids.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
}

TEST(SymbolMerger, AgreesWithTheDefinition) {
  SymbolMerger merger;
  for (uint32_t round = 0; round < 3000; ++round) {
    RandomMerges merges(round);
    const size_t n = merges.random() % 80;  // both the short and the long way
    std::vector<TokenId> ids;
    merger.clear();
    for (uint32_t i = 0; i < n; ++i) {
      ids.push_back(static_cast<TokenId>(merges.random() % RandomMerges::kIds));
      merger.push(i, 1, ids.back());
    }
    merger.run(merges);
    std::vector<TokenId> merged;
    uint32_t at = 0;
    for (const Symbol& symbol : merger.symbols()) {
      merged.push_back(symbol.id);
      ASSERT_EQ(symbol.begin, at);
      at += symbol.length;
    }
    ASSERT_EQ(at, n);
    ASSERT_EQ(merged, merge_plainly(ids, merges)) << "round " << round << ", " << n << " symbols";
  }
}

}  // namespace
}  // namespace hearth::text
