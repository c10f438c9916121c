// Template values that came from outside: marking them, and writing them as JSON text.
#pragma once

#include <string>

#include "text/value.h"

namespace hearth::serving {

// A deep copy in which every string is untrusted. Names of mappings carry no mark; TextModel checks them.
text::Value as_untrusted(const text::Value& value);

// Compact JSON with the mapping's own order.
std::string to_json(const text::Value& value);

}  // namespace hearth::serving
