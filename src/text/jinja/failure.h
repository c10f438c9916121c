// How the interpreter gives up. Thrown only inside text/jinja and caught where ChatTemplate ends (compile and
// render); every other folder sees a Result.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

#include "base/error.h"

namespace hearth::text::jinja {

struct TemplateFailure {
  ErrorCategory category;
  std::string message;
};

template <typename... Args>
[[noreturn]] void give_up(fmt::format_string<Args...> format, Args&&... args) {
  throw TemplateFailure{ErrorCategory::kCorrupt, fmt::format(format, std::forward<Args>(args)...)};
}

}  // namespace hearth::text::jinja
