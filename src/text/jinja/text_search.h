// Searching whose time grows with the length of the text only, whatever is searched for.
#pragma once

#include <string_view>

#include "text/jinja/budget.h"

namespace hearth::text::jinja {

// The first occurrence at or after `from`, and the last one that ends at or before `end`; npos when there is
// none.
size_t find_text(std::string_view text, std::string_view wanted, size_t from = 0);
size_t find_text_last(std::string_view text, std::string_view wanted, size_t end = std::string_view::npos);

// Pays for walking through `text` once in search of `wanted`.
void spend_search(Budget& budget, std::string_view text, std::string_view wanted);

}  // namespace hearth::text::jinja
