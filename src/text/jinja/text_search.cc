#include "text/jinja/text_search.h"

#include <cstdint>
#include <vector>

namespace hearth::text::jinja {

namespace {

// Below this the plain search is faster, and its worst case harmless.
constexpr size_t kShort = 32;

// Knuth, Morris, Pratt (SIAM J. Comput. 6, 1977). at(i) and wanted(i) read forwards or backwards.
template <typename Text, typename Wanted>
size_t match(size_t text_size, Text at, size_t wanted_size, Wanted wanted) {
  std::vector<uint32_t> fallback(wanted_size, 0);
  for (size_t i = 1, k = 0; i < wanted_size; ++i) {
    while (k > 0 && wanted(i) != wanted(k)) k = fallback[k - 1];
    if (wanted(i) == wanted(k)) ++k;
    fallback[i] = static_cast<uint32_t>(k);
  }
  for (size_t i = 0, k = 0; i < text_size; ++i) {
    while (k > 0 && at(i) != wanted(k)) k = fallback[k - 1];
    if (at(i) == wanted(k)) ++k;
    if (k == wanted_size) return i + 1 - wanted_size;
  }
  return std::string_view::npos;
}

}  // namespace

void spend_search(Budget& budget, std::string_view text, std::string_view wanted) {
  if (wanted.size() < kShort) {
    budget.spend_bytes(text.size());
  } else {
    budget.spend_characters(text.size() + wanted.size());
  }
}

size_t find_text(std::string_view text, std::string_view wanted, size_t from) {
  if (wanted.size() < kShort || from >= text.size()) return text.find(wanted, from);
  size_t found = match(
      text.size() - from, [&](size_t i) { return text[from + i]; }, wanted.size(),
      [&](size_t i) { return wanted[i]; });
  return found == text.npos ? found : from + found;
}

size_t find_text_last(std::string_view text, std::string_view wanted, size_t end) {
  text = text.substr(0, end);
  if (wanted.size() < kShort) return text.rfind(wanted);
  size_t found = match(
      text.size(), [&](size_t i) { return text[text.size() - 1 - i]; }, wanted.size(),
      [&](size_t i) { return wanted[wanted.size() - 1 - i]; });
  return found == text.npos ? found : text.size() - found - wanted.size();
}

}  // namespace hearth::text::jinja
