// Durations as Go programs write them: "300ms", "1.5h", "1h30m", "-1s".
#pragma once

#include <chrono>
#include <string_view>

#include "base/result.h"

namespace hearth {

// A sign, then numbers with units (ns, us, µs, ms, s, m, h); a plain "0" needs none. Milliseconds, those
// below one rounded away from zero. kInvalidArgument for anything else and for what is beyond 290 million
// years.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace hearth
