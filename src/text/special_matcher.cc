#include "text/special_matcher.h"

#include <algorithm>

namespace hearth::text {
namespace {

bool looks_like_marker(std::string_view spelling) {
  return spelling.size() >= 2 && ((spelling.front() == '<' && spelling.back() == '>') ||
                                  (spelling.front() == '[' && spelling.back() == ']'));
}

bool overlaps(std::span<const ByteRange> ranges, size_t begin, size_t end) {
  const auto next = std::upper_bound(ranges.begin(), ranges.end(), begin,
                                     [](size_t at, const ByteRange& range) { return at < range.end; });
  return next != ranges.end() && next->begin < end;
}

}  // namespace

SpecialMatcher::SpecialMatcher(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {
  std::vector<PrefixIndex::Entry> entries;
  for (size_t i = 0; i < vocabulary.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    const TokenType type = vocabulary.type(id);
    const bool special =
        type == TokenType::kControl || type == TokenType::kUnknown || type == TokenType::kUserDefined;
    if (special && !vocabulary.spelling(id).empty()) entries.push_back({vocabulary.spelling(id), id});
  }
  index_ = PrefixIndex(std::move(entries));
}

bool SpecialMatcher::is_allowed(const PrefixIndex::Entry& entry, size_t begin, const Rules& rules) const {
  if (vocabulary_.type(entry.id) == TokenType::kUserDefined) {
    if (!looks_like_marker(entry.spelling)) return true;
  } else if (!rules.control) {
    return false;
  }
  return !overlaps(rules.untrusted, begin, begin + entry.spelling.size());
}

std::optional<SpecialMatcher::Match> SpecialMatcher::find(std::string_view text, size_t from,
                                                          const Rules& rules) const {
  for (size_t at = from; at < text.size(); ++at) {
    if (!index_.starts_with_byte(text[at])) continue;
    const auto* entry = index_.longest(text.substr(at), [&](const PrefixIndex::Entry& candidate) {
      return is_allowed(candidate, at, rules);
    });
    if (entry != nullptr) return Match{at, entry->spelling.size(), entry->id};
  }
  return std::nullopt;
}

}  // namespace hearth::text
