// Result<T>: a value or an Error. An alias, so that a later move to std::expected is one line; only members
// that std::expected also has are used.
#pragma once

#include <fmt/format.h>

#include <tl/expected.hpp>

#include "base/error.h"

namespace hearth {

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

// fail(ErrorCategory::kCorrupt, "tensor {}: {} rows", name, rows)
template <typename... Args>
tl::unexpected<Error> fail(ErrorCategory category, fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<Error>(Error{category, fmt::format(format, std::forward<Args>(args)...)});
}

inline tl::unexpected<Error> propagate(Error error) {
  return tl::unexpected<Error>(std::move(error));
}
inline tl::unexpected<Error> propagate(Error error, std::string_view context) {
  return tl::unexpected<Error>(std::move(error).with_context(context));
}

}  // namespace hearth

// HEARTH_TRY(auto file, MappedFile::open(path)); returns the error to the caller, or goes on with the value.
#define HEARTH_TRY_CONCAT_(a, b) a##b
#define HEARTH_TRY_NAME_(line) HEARTH_TRY_CONCAT_(hearth_try_result_, line)
#define HEARTH_TRY(declaration, ...)                                           \
  auto&& HEARTH_TRY_NAME_(__LINE__) = (__VA_ARGS__);                           \
  if (!HEARTH_TRY_NAME_(__LINE__))                                             \
    return ::hearth::propagate(std::move(HEARTH_TRY_NAME_(__LINE__)).error()); \
  declaration = std::move(*HEARTH_TRY_NAME_(__LINE__))

// HEARTH_CHECK_OK(status_expression); for Status.
#define HEARTH_CHECK_OK(...)                                         \
  do {                                                               \
    if (auto&& hearth_status_ = (__VA_ARGS__); !hearth_status_)      \
      return ::hearth::propagate(std::move(hearth_status_).error()); \
  } while (false)
