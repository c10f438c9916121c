// Sets of Unicode code points: what character classes of grammars and patterns are made of.
#pragma once

#include <cstdint>
#include <vector>

namespace hearth::text::grammar {

struct CodePointRange {
  uint32_t first = 0;
  uint32_t last = 0;  // inclusive

  bool operator==(const CodePointRange&) const = default;
};

// Sorted, disjoint, not adjacent, without surrogates: what normalised() makes.
using CodePointSet = std::vector<CodePointRange>;

inline constexpr uint32_t kMaxCodePoint = 0x10FFFF;

CodePointSet normalised(std::vector<CodePointRange> ranges);
// Everything that is a character and not in the set.
CodePointSet complement(const CodePointSet& set);
CodePointSet intersection(const CodePointSet& a, const CodePointSet& b);
CodePointSet difference(const CodePointSet& a, const CodePointSet& b);
CodePointSet any_code_point();

}  // namespace hearth::text::grammar
