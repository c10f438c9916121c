// Finds tokens that are matched in text as a whole, before any splitting: control and user-defined ones.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "text/prefix_index.h"
#include "text/prompt_text.h"
#include "text/vocabulary.h"

namespace hearth::text {

class SpecialMatcher {
 public:
  struct Match {
    size_t begin = 0;
    size_t length = 0;
    TokenId id = Vocabulary::kNoToken;
  };

  // Which tokens count. Markers are control tokens and those user-defined tokens that look like structure
  // (<…> or […]): inside untrusted ranges, and across their borders, they stay plain text. Other user-defined
  // tokens (runs of spaces, say) are text and match anywhere.
  struct Rules {
    bool control = false;
    std::span<const ByteRange> untrusted;  // sorted, non-overlapping
  };

  // Borrows the vocabulary.
  explicit SpecialMatcher(const Vocabulary& vocabulary);

  // The first match at or after `from`, the longest one at its place.
  std::optional<Match> find(std::string_view text, size_t from, const Rules& rules) const;

 private:
  bool is_allowed(const PrefixIndex::Entry& entry, size_t begin, const Rules& rules) const;

  const Vocabulary& vocabulary_;
  PrefixIndex index_;
};

}  // namespace hearth::text
