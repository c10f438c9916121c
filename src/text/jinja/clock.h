// Time for strftime_now: UTC, English names, no dependence on the machine's locale.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hearth::text::jinja {

// Throws TemplateFailure for an unknown directive.
std::string format_time(int64_t unix_seconds, std::string_view format);

}  // namespace hearth::text::jinja
