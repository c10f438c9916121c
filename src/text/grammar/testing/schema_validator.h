// Whether a JSON value keeps to a schema: the standard's own meaning of the keywords, for tests. Written
// apart from the grammar's reader, so that one can be held against the other.
#pragma once

#include <nlohmann/json.hpp>
#include <regex>
#include <string>

#include "text/utf8.h"

namespace hearth::text::grammar::testing {

class SchemaValidator {
 public:
  using Json = nlohmann::ordered_json;

  explicit SchemaValidator(const Json& document) : document_(document) {}

  bool accepts(const Json& value) const { return accepts(document_, value); }

 private:
  static size_t length(const std::string& text) {
    size_t n = 0;
    for (std::string_view rest = text; !rest.empty(); ++n) rest.remove_prefix(decode_utf8(rest).length);
    return n;
  }

  static bool has_type(const Json& type, const Json& value) {
    if (type.is_array()) {
      return std::any_of(type.begin(), type.end(), [&](const Json& one) { return has_type(one, value); });
    }
    if (type == "integer") {
      return value.is_number() && value.get<double>() == std::floor(value.get<double>());
    }
    return (type == "string" && value.is_string()) || (type == "number" && value.is_number()) ||
           (type == "boolean" && value.is_boolean()) || (type == "null" && value.is_null()) ||
           (type == "object" && value.is_object()) || (type == "array" && value.is_array());
  }

  bool accepts(const Json& schema, const Json& value) const {
    if (schema.is_boolean()) return schema.get<bool>();
    const auto has = [&](const char* name) { return schema.contains(name); };
    const auto any = [&](const char* name) {
      return std::any_of(schema[name].begin(), schema[name].end(),
                         [&](const Json& one) { return accepts(one, value); });
    };
    if (has("nullable") && schema["nullable"] == true && value.is_null()) return true;
    if (has("$ref")) {
      const auto reference = schema["$ref"].get<std::string>();
      if (!accepts(document_.at(Json::json_pointer(reference.substr(1))), value)) return false;
    }
    if (has("type") && !has_type(schema["type"], value)) return false;
    if (has("const") && schema["const"] != value) return false;
    if (has("enum") &&
        std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end()) {
      return false;
    }
    if (has("anyOf") && !any("anyOf")) return false;
    if (has("oneOf") && !any("oneOf")) return false;
    if (has("allOf")) {
      for (const Json& part : schema["allOf"]) {
        if (!accepts(part, value)) return false;
      }
    }
    if (value.is_string()) return accepts_string(schema, value.get<std::string>());
    if (value.is_number()) return accepts_number(schema, value.get<double>());
    if (value.is_array()) return accepts_array(schema, value);
    return !value.is_object() || accepts_object(schema, value);
  }

  static bool accepts_string(const Json& schema, const std::string& text) {
    if (schema.contains("minLength") && length(text) < schema["minLength"]) return false;
    if (schema.contains("maxLength") && length(text) > schema["maxLength"]) return false;
    return !schema.contains("pattern") ||
           std::regex_search(text, std::regex(schema["pattern"].get<std::string>()));
  }

  static bool accepts_number(const Json& schema, double number) {
    if (schema.contains("minimum") && number < schema["minimum"].get<double>()) return false;
    if (schema.contains("maximum") && number > schema["maximum"].get<double>()) return false;
    if (schema.contains("exclusiveMinimum") && number <= schema["exclusiveMinimum"].get<double>())
      return false;
    return !schema.contains("exclusiveMaximum") || number < schema["exclusiveMaximum"].get<double>();
  }

  bool accepts_array(const Json& schema, const Json& value) const {
    if (schema.contains("minItems") && value.size() < schema["minItems"]) return false;
    if (schema.contains("maxItems") && value.size() > schema["maxItems"]) return false;
    size_t n_first = 0;
    if (schema.contains("prefixItems")) {
      const Json& first = schema["prefixItems"];
      n_first = std::min(first.size(), value.size());
      for (size_t i = 0; i < n_first; ++i) {
        if (!accepts(first[i], value[i])) return false;
      }
    }
    for (size_t i = n_first; i < value.size() && schema.contains("items"); ++i) {
      if (!accepts(schema["items"], value[i])) return false;
    }
    return true;
  }

  bool accepts_object(const Json& schema, const Json& value) const {
    if (schema.contains("minProperties") && value.size() < schema["minProperties"]) return false;
    if (schema.contains("maxProperties") && value.size() > schema["maxProperties"]) return false;
    if (schema.contains("required")) {
      for (const Json& name : schema["required"]) {
        if (!value.contains(name.get<std::string>())) return false;
      }
    }
    for (const auto& [name, member] : value.items()) {
      if (schema.contains("propertyNames") && !accepts(schema["propertyNames"], Json(name))) return false;
      if (schema.contains("properties") && schema["properties"].contains(name)) {
        if (!accepts(schema["properties"][name], member)) return false;
      } else if (schema.contains("additionalProperties") &&
                 !accepts(schema["additionalProperties"], member)) {
        return false;
      }
    }
    return true;
  }

  const Json& document_;
};

}  // namespace hearth::text::grammar::testing
