// JSON from outside, with limits; and JSON to the outside, always valid UTF-8.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "text/value.h"

namespace hearth::api {

using Json = nlohmann::ordered_json;  // keeps the order of keys: templates print tools as they were sent

struct JsonLimits {
  int max_depth = 64;
  size_t max_values = size_t{1} << 20;
};

// kInvalidArgument on anything that is not one JSON text in UTF-8: syntax, lone surrogates, numbers out of
// range, duplicate keys, and texts beyond the limits.
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

// Compact, one line. Bytes that are not UTF-8 become U+FFFD.
std::string dump(const Json& json);

// As a template value; every string in it is marked as coming from outside.
text::Value to_untrusted_value(const Json& json);

// A value as JSON; marks are lost, numbers that JSON does not have become null.
Json to_json(const text::Value& value);

}  // namespace hearth::api
