// Remembers the ids of short words within one text, where most words come again.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/hash.h"
#include "text/vocabulary.h"

namespace hearth::text {

// Direct-mapped; an entry points at the place in the output where the word's ids were first written.
class WordCache {
 public:
  static constexpr size_t kMaxWordBytes = 48;

  explicit WordCache(size_t text_bytes) {
    constexpr size_t kWorthwhileBytes = 256;
    if (text_bytes < kWorthwhileBytes) return;
    entries_.resize(std::bit_floor(std::clamp<size_t>(text_bytes / 16, 16, 8192)));
  }

  // Appends the word's ids and returns true, or leaves `out` alone. Words must come from one string that
  // outlives the cache, and `out` only ever grow.
  bool append(std::string_view word, std::vector<TokenId>& out) {
    if (entries_.empty() || word.size() > kMaxWordBytes) return false;
    const Entry& entry = entry_of(word);
    if (entry.word != word) return false;
    const size_t at = out.size();
    out.resize(at + entry.count);
    std::copy_n(out.begin() + entry.begin, entry.count, out.begin() + static_cast<ptrdiff_t>(at));
    return true;
  }

  // Records that the ids of `word` are the tail of `out` from `begin` on.
  void remember(std::string_view word, size_t begin, const std::vector<TokenId>& out) {
    if (entries_.empty() || word.size() > kMaxWordBytes || word.empty() || begin > UINT32_MAX) return;
    entry_of(word) = {word, static_cast<uint32_t>(begin), static_cast<uint32_t>(out.size() - begin)};
  }

 private:
  struct Entry {
    std::string_view word;
    uint32_t begin = 0;
    uint32_t count = 0;
  };

  Entry& entry_of(std::string_view word) { return entries_[hash_bytes(word, 0) & (entries_.size() - 1)]; }

  std::vector<Entry> entries_;
};

}  // namespace hearth::text
