// The table of filters is put together from three files, by what they work on.
#pragma once

#include <string_view>

#include "text/jinja/interpreter.h"

namespace hearth::text::jinja {

Filter find_text_filter(std::string_view name);
Filter find_sequence_filter(std::string_view name);
Filter find_value_filter(std::string_view name);

}  // namespace hearth::text::jinja
