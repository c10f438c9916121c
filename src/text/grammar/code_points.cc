#include "text/grammar/code_points.h"

#include <algorithm>

namespace hearth::text::grammar {
namespace {

constexpr CodePointRange kBelowSurrogates = {0, 0xD7FF};
constexpr CodePointRange kAboveSurrogates = {0xE000, kMaxCodePoint};

void add_overlap(CodePointRange a, CodePointRange b, CodePointSet& out) {
  const CodePointRange both = {std::max(a.first, b.first), std::min(a.last, b.last)};
  if (both.first <= both.last) out.push_back(both);
}

}  // namespace

CodePointSet normalised(std::vector<CodePointRange> ranges) {
  CodePointSet characters;
  for (const CodePointRange& range : ranges) {
    add_overlap(range, kBelowSurrogates, characters);
    add_overlap(range, kAboveSurrogates, characters);
  }
  std::sort(characters.begin(), characters.end(),
            [](const CodePointRange& a, const CodePointRange& b) { return a.first < b.first; });
  CodePointSet joined;
  for (const CodePointRange& range : characters) {
    if (!joined.empty() && range.first <= joined.back().last + 1) {
      joined.back().last = std::max(joined.back().last, range.last);
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

CodePointSet complement(const CodePointSet& set) {
  CodePointSet out;
  uint32_t next = 0;
  for (const CodePointRange& range : set) {
    if (range.first > next) out.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= kMaxCodePoint) out.push_back({next, kMaxCodePoint});
  return normalised(std::move(out));
}

CodePointSet intersection(const CodePointSet& a, const CodePointSet& b) {
  CodePointSet out;
  for (auto x = a.begin(), y = b.begin(); x != a.end() && y != b.end();) {
    add_overlap(*x, *y, out);
    x->last < y->last ? ++x : ++y;
  }
  return out;
}

CodePointSet difference(const CodePointSet& a, const CodePointSet& b) {
  return intersection(a, complement(b));
}

CodePointSet any_code_point() {
  return {kBelowSurrogates, kAboveSurrogates};
}

}  // namespace hearth::text::grammar
