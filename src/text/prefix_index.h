// Which tokens of a set does a text begin with? Sorted spellings, narrowed byte by byte: no memory beyond the
// list, and a time that depends on the match, not on the size of the set.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/vocabulary.h"

namespace hearth::text {

class PrefixIndex {
 public:
  struct Entry {
    std::string_view spelling;  // non-empty; borrowed
    TokenId id;
  };

  PrefixIndex() = default;
  explicit PrefixIndex(std::vector<Entry> entries) : entries_(std::move(entries)) {
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
      return a.spelling != b.spelling ? a.spelling < b.spelling : a.id < b.id;
    });
    for (uint32_t i = 0; i < entries_.size(); ++i) {
      Range& range = by_first_byte_[static_cast<uint8_t>(entries_[i].spelling[0])];
      if (range.begin == range.end) range.begin = i;
      range.end = i + 1;
    }
  }

  bool starts_with_byte(char byte) const {
    const Range range = by_first_byte_[static_cast<uint8_t>(byte)];
    return range.begin != range.end;
  }

  // The longest entry that non-empty `text` begins with and that accept(entry) agrees to; nullptr if none.
  template <typename Accept>
  const Entry* longest(std::string_view text, const Accept& accept) const {
    const Entry* best = nullptr;
    const Range first = by_first_byte_[static_cast<uint8_t>(text[0])];
    const Entry* begin = entries_.data() + first.begin;
    const Entry* end = entries_.data() + first.end;
    // [begin, end) share the text's first `depth` bytes; the ones of exactly that length sort to the front.
    for (size_t depth = 1; begin != end; ++depth) {
      for (bool taken = false; begin != end && begin->spelling.size() == depth; ++begin) {
        if (!taken && accept(*begin)) {
          best = begin;
          taken = true;
        }
      }
      if (begin == end || depth == text.size()) break;
      const char next = text[depth];
      if (begin->spelling[depth] == next && (end - 1)->spelling[depth] == next) continue;
      const auto byte = [depth](const Entry& entry) { return static_cast<uint8_t>(entry.spelling[depth]); };
      begin = std::lower_bound(begin, end, static_cast<uint8_t>(next),
                               [&](const Entry& entry, uint8_t value) { return byte(entry) < value; });
      end = std::upper_bound(begin, end, static_cast<uint8_t>(next),
                             [&](uint8_t value, const Entry& entry) { return value < byte(entry); });
    }
    return best;
  }

 private:
  struct Range {
    uint32_t begin = 0;
    uint32_t end = 0;
  };

  std::vector<Entry> entries_;
  std::array<Range, 256> by_first_byte_{};
};

}  // namespace hearth::text
