// The values of JSON Schema's `format` that have a pattern here.
#pragma once

#include <optional>
#include <string_view>

namespace hearth::text::grammar {

// nullopt for a format that is not known. The patterns are stricter than the standards where those allow what
// nobody writes.
std::optional<std::string_view> format_pattern(std::string_view format);

}  // namespace hearth::text::grammar
