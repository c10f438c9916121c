// Reading the fields of a JSON request. Everything is checked where JSON is read: a field that is null counts
// as absent, an unknown one is ignored, and a wrong one is refused by its whole name ("messages[2].role").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "api/error_response.h"
#include "api/json.h"

namespace hearth::api {

template <typename T>
using Parsed = tl::expected<T, ApiError>;

inline tl::unexpected<ApiError> refuse(std::string field, std::string message) {
  return tl::unexpected<ApiError>(bad_field(std::move(field), std::move(message)));
}

constexpr int64_t kMaxTokens = 2'147'483'647;
constexpr size_t kMaxNameBytes = 1024;
constexpr size_t kNoLimit = ~size_t{0};  // the body's limit holds

// "list[3]"
std::string at(std::string_view list, size_t index);

// Parses `body` into an object; the error is a 400 without a field.
Parsed<Json> read_object(std::string_view body);

// Member access. nullptr for absent and for null.
const Json* find(const Json& object, std::string_view name);

// What was sent, for a message: numbers as they are, other things by their type ("is a value of type array").
std::string shown(const Json& value);

// A number in [low, high].
Parsed<double> checked_number(const Json& value, std::string_view shown_name, bool integer, double low,
                              double high);

Parsed<bool> read_bool(const Json& object, std::string_view name, bool otherwise);
Parsed<std::optional<int64_t>> read_integer(const Json& object, std::string_view name, int64_t low,
                                            int64_t high);
// Empty when absent. `shown_name` is the field's whole name.
Parsed<std::string> read_string(const Json& object, std::string_view name, std::string_view shown_name,
                                size_t max_bytes);

}  // namespace hearth::api

// HEARTH_API_TRY(auto x, expression); and HEARTH_API_CHECK(expression); as HEARTH_TRY and HEARTH_CHECK_OK,
// for Parsed<T>.
#define HEARTH_API_TRY_CONCAT_(a, b) a##b
#define HEARTH_API_TRY_NAME_(line) HEARTH_API_TRY_CONCAT_(hearth_parsed_, line)
#define HEARTH_API_TRY(declaration, ...)                                                               \
  auto&& HEARTH_API_TRY_NAME_(__LINE__) = (__VA_ARGS__);                                               \
  if (!HEARTH_API_TRY_NAME_(__LINE__))                                                                 \
    return tl::unexpected<::hearth::api::ApiError>(std::move(HEARTH_API_TRY_NAME_(__LINE__)).error()); \
  declaration = std::move(*HEARTH_API_TRY_NAME_(__LINE__))
#define HEARTH_API_CHECK(...)                                                                 \
  do {                                                                                        \
    auto&& hearth_parsed_check = (__VA_ARGS__);                                               \
    if (!hearth_parsed_check)                                                                 \
      return tl::unexpected<::hearth::api::ApiError>(std::move(hearth_parsed_check).error()); \
  } while (false)
