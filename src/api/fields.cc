#include "api/fields.h"

#include <cmath>

namespace hearth::api {
namespace {

std::string shown_number(double v) {
  return fmt::format("{:.10g}", v);
}

std::string range_text(bool integer, double low, double high) {
  return fmt::format("must be {} between {} and {}", integer ? "an integer" : "a number", shown_number(low),
                     shown_number(high));
}

}  // namespace

std::string at(std::string_view list, size_t index) {
  return fmt::format("{}[{}]", list, index);
}

std::string shown(const Json& value) {
  if (value.is_number()) return "is " + value.dump();
  return fmt::format("is a value of type {}", value.type_name());
}

Parsed<double> checked_number(const Json& value, std::string_view shown_name, bool integer, double low,
                              double high) {
  const std::string problem = fmt::format("{}, {}", shown(value), range_text(integer, low, high));
  if (!value.is_number()) return refuse(std::string(shown_name), problem);
  const double number = value.get<double>();
  if (!(number >= low && number <= high) || (integer && number != std::floor(number))) {
    return refuse(std::string(shown_name), problem);
  }
  return number;
}

const Json* find(const Json& object, std::string_view name) {
  const auto member = object.find(name);
  if (member == object.end() || member->is_null()) return nullptr;
  return &*member;
}

Parsed<bool> read_bool(const Json& object, std::string_view name, bool otherwise) {
  const Json* field = find(object, name);
  if (field == nullptr) return otherwise;
  if (!field->is_boolean()) return refuse(std::string(name), shown(*field) + ", must be true or false");
  return field->get<bool>();
}

Parsed<std::optional<int64_t>> read_integer(const Json& object, std::string_view name, int64_t low,
                                            int64_t high) {
  const Json* field = find(object, name);
  if (field == nullptr) return std::nullopt;
  HEARTH_API_TRY(const double number,
                 checked_number(*field, name, true, static_cast<double>(low), static_cast<double>(high)));
  return static_cast<int64_t>(number);
}

Parsed<std::string> read_string(const Json& object, std::string_view name, std::string_view shown_name,
                                size_t max_bytes) {
  const Json* field = find(object, name);
  if (field == nullptr) return std::string();
  if (!field->is_string()) return refuse(std::string(shown_name), shown(*field) + ", must be a string");
  auto text = field->get<std::string>();
  if (text.size() > max_bytes) {
    return refuse(std::string(shown_name),
                  fmt::format("has {} bytes, at most {} are allowed", text.size(), max_bytes));
  }
  return text;
}

Parsed<Json> read_object(std::string_view body) {
  Result<Json> json = parse_json(body);
  if (!json) return tl::unexpected<ApiError>(http_error(400, "the body is " + json.error().message));
  if (!json->is_object()) return tl::unexpected<ApiError>(http_error(400, "the body is not a JSON object"));
  return std::move(*json);
}

}  // namespace hearth::api
