// Text for people: made safe for a terminal, and numbers with units.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/human_bytes.h"

namespace hearth::app {

// Control characters other than newline and tab become visible symbols, so that nothing a file or a model
// says can move the cursor, retitle the window or colour the text. Invalid UTF-8 becomes U+FFFD.
std::string visible_text(std::string_view text);
// The same on one line: newlines and tabs become symbols too.
std::string visible_line(std::string_view text);

std::string human_count(uint64_t count);     // "7.24B"
std::string human_duration(double seconds);  // "8 s", "2 min 5 s"

}  // namespace hearth::app
