#include "text/grammar/schema_merge.h"

#include <algorithm>
#include <array>

namespace hearth::text::grammar {
namespace {

constexpr std::array kSupported = std::to_array<std::string_view>({"type",
                                                                   "properties",
                                                                   "required",
                                                                   "additionalProperties",
                                                                   "propertyNames",
                                                                   "minProperties",
                                                                   "maxProperties",
                                                                   "items",
                                                                   "prefixItems",
                                                                   "additionalItems",
                                                                   "minItems",
                                                                   "maxItems",
                                                                   "minLength",
                                                                   "maxLength",
                                                                   "pattern",
                                                                   "format",
                                                                   "minimum",
                                                                   "maximum",
                                                                   "exclusiveMinimum",
                                                                   "exclusiveMaximum",
                                                                   "enum",
                                                                   "const",
                                                                   "anyOf",
                                                                   "oneOf",
                                                                   "allOf",
                                                                   "$ref",
                                                                   "nullable"});

// They say nothing about a value, or hold what others refer to.
constexpr std::array kAnnotations = std::to_array<std::string_view>({"$schema",
                                                                     "$id",
                                                                     "id",
                                                                     "$comment",
                                                                     "$defs",
                                                                     "definitions",
                                                                     "title",
                                                                     "description",
                                                                     "default",
                                                                     "example",
                                                                     "examples",
                                                                     "deprecated",
                                                                     "readOnly",
                                                                     "writeOnly",
                                                                     "contentEncoding",
                                                                     "contentMediaType",
                                                                     "contentSchema",
                                                                     "discriminator",
                                                                     "xml",
                                                                     "externalDocs"});

template <size_t n>
bool has(const std::array<std::string_view, n>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// Names of types, whether one or a list.
std::vector<std::string> types_of(const Json& type) {
  std::vector<std::string> types;
  if (type.is_string()) types.push_back(type.get<std::string>());
  if (type.is_array()) {
    for (const Json& one : type) {
      if (one.is_string()) types.push_back(one.get<std::string>());
    }
  }
  return types;
}

size_t count_values(const Json& json) {
  size_t n = 1;
  std::vector<const Json*> todo = {&json};
  while (!todo.empty()) {
    const Json& next = *todo.back();
    todo.pop_back();
    if (!next.is_structured()) continue;
    for (const auto& [name, child] : next.items()) {
      ++n;
      todo.push_back(&child);
    }
  }
  return n;
}

Json both(Json a, Json b) {
  if (a == b) return a;
  Json parts = Json::array();
  parts.push_back(std::move(a));
  parts.push_back(std::move(b));
  Json whole = Json::object();
  whole["allOf"] = std::move(parts);
  return whole;
}

int hex_digit(char c) {
  const char lower = static_cast<char>(c | 0x20);
  if (c >= '0' && c <= '9') return c - '0';
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// RFC 6901, in a URI fragment.
std::string unescaped_pointer_token(std::string_view token) {
  std::string out;
  for (size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1')) {
      out.push_back(token[++i] == '0' ? '~' : '/');
    } else if (token[i] == '%' && i + 2 < token.size() && hex_digit(token[i + 1]) >= 0 &&
               hex_digit(token[i + 2]) >= 0) {
      out.push_back(static_cast<char>(hex_digit(token[i + 1]) * 16 + hex_digit(token[i + 2])));
      i += 2;
    } else {
      out.push_back(token[i]);
    }
  }
  return out;
}

}  // namespace

tl::unexpected<Error> refuse_schema(const std::string& path, std::string_view message) {
  return fail(ErrorCategory::kInvalidArgument, "{}: {}", path, message);
}

Status SchemaMerger::spend(const Json& copied, const std::string& path) {
  constexpr size_t kMaxCopied = 2'000'000;
  n_copied_ += count_values(copied);
  if (n_copied_ <= kMaxCopied) return {};
  return refuse_schema(path, "the schema is too large where its parts are merged (allOf, $ref or anyOf)");
}

Result<const Json*> SchemaMerger::resolve(std::string_view reference, const std::string& path) const {
  const auto unknown = [&](std::string_view why) {
    return refuse_schema(path + "/$ref", fmt::format("\"{}\" {}", reference.substr(0, 100), why));
  };
  if (!reference.starts_with("#")) return unknown("is not a reference within this schema");
  std::string_view rest = reference.substr(1);
  if (!rest.empty() && rest[0] != '/') return unknown("is not supported; only JSON pointers are");
  const Json* at = &document_;
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const size_t end = std::min(rest.find('/'), rest.size());
    const std::string token = unescaped_pointer_token(rest.substr(0, end));
    rest.remove_prefix(end);
    if (at->is_object() && at->contains(token)) {
      at = &(*at)[token];
    } else if (at->is_array() && !token.empty() && token.size() < 7 &&
               token.find_first_not_of("0123456789") == std::string::npos && std::stoul(token) < at->size()) {
      at = &(*at)[std::stoul(token)];
    } else {
      return unknown("names nothing");
    }
  }
  return at;
}

// The keywords that say something, checked.
Result<Json> SchemaMerger::own_keywords(const Json& schema, const std::string& path) const {
  Json own = Json::object();
  for (const auto& [name, value] : schema.items()) {
    if (has(kAnnotations, name) || name.starts_with("x-")) continue;
    // What the grammar does anyway.
    if (name == "uniqueItems" && value == false) continue;
    if ((name == "unevaluatedProperties" || name == "unevaluatedItems") && value.is_boolean()) continue;
    if (has(kSupported, name)) {
      if (!value.is_null() || name == "const") own[name] = value;
    } else if (refuse_unsupported_) {
      return refuse_schema(path, fmt::format("the keyword \"{}\" is not supported", name));
    }
  }
  if (own.contains("nullable")) {
    if (!own["nullable"].is_boolean()) return refuse_schema(path + "/nullable", "must be true or false");
    if (own["nullable"] == true && own.contains("type")) {
      Json types = Json::array();
      for (std::string& type : types_of(own["type"])) types.push_back(std::move(type));
      if (std::find(types.begin(), types.end(), "null") == types.end()) types.push_back("null");
      own["type"] = std::move(types);
    }
    if (own["nullable"] == true && own.contains("enum") && own["enum"].is_array() &&
        std::find(own["enum"].begin(), own["enum"].end(), nullptr) == own["enum"].end()) {
      own["enum"].push_back(nullptr);
    }
    own.erase("nullable");
  }
  return own;
}

Result<Json> SchemaMerger::expand(const Json& schema, const std::string& path, int depth) {
  if (depth > limits_.max_depth) {
    return refuse_schema(path, fmt::format("schemas are nested deeper than {} levels, or refer to themselves",
                                           limits_.max_depth));
  }
  if (schema == true) return Json::object();
  if (schema == false) return refuse_schema(path, "the schema \"false\" matches nothing");
  if (!schema.is_object()) return refuse_schema(path, "must be a schema: an object, true or false");
  HEARTH_CHECK_OK(spend(schema, path));
  HEARTH_TRY(Json whole, own_keywords(schema, path));
  if (whole.contains("$ref")) {
    if (!whole["$ref"].is_string()) return refuse_schema(path + "/$ref", "must be a string");
    HEARTH_TRY(const Json* target, resolve(whole["$ref"].get_ref<const std::string&>(), path));
    whole.erase("$ref");
    HEARTH_TRY(Json base, expand(*target, path + "/$ref", depth + 1));
    HEARTH_TRY(whole, merge(std::move(base), whole, path));
  }
  if (whole.contains("allOf")) {
    const Json parts = whole["allOf"];
    if (!parts.is_array() || parts.empty())
      return refuse_schema(path + "/allOf", "must be a list of schemas");
    whole.erase("allOf");
    for (size_t i = 0; i < parts.size(); ++i) {
      const std::string part_path = fmt::format("{}/allOf/{}", path, i);
      HEARTH_TRY(const Json part, expand(parts[i], part_path, depth + 1));
      HEARTH_TRY(whole, merge(std::move(whole), part, part_path));
    }
  }
  return whole;
}

Result<Json> SchemaMerger::merge(Json a, const Json& b, const std::string& path) {
  HEARTH_CHECK_OK(spend(a, path));
  HEARTH_CHECK_OK(spend(b, path));
  HEARTH_CHECK_OK(merge_properties(a, b, path));
  for (const auto& [name, value] : b.items()) {
    if (name == "properties" || name == "required" || name == "additionalProperties") continue;
    if (!a.contains(name)) {
      a[name] = value;
    } else if (a[name] != value) {
      HEARTH_CHECK_OK(merge_keyword(a, name, value, path));
    }
  }
  return a;
}

// Properties of both. One that a closed schema does not know cannot be there.
Status SchemaMerger::merge_properties(Json& a, const Json& b, const std::string& path) {
  const auto part = [](const Json& schema, const char* name) {
    return schema.contains(name) ? schema[name] : Json();
  };
  const Json of_a = part(a, "properties"), of_b = part(b, "properties");
  const Json more_in_a = part(a, "additionalProperties"), more_in_b = part(b, "additionalProperties");
  const bool wrong = (!of_a.is_null() && !of_a.is_object()) || (!of_b.is_null() && !of_b.is_object());
  if (wrong) return refuse_schema(path + "/properties", "must be an object of schemas");
  Json properties = Json::object();
  for (const auto& [name, schema] : of_a.items()) {
    if (of_b.contains(name)) {
      properties[name] = both(schema, of_b[name]);
    } else if (more_in_b != false) {
      properties[name] = schema;
    }
  }
  for (const auto& [name, schema] : of_b.items()) {
    if (!of_a.contains(name) && more_in_a != false) properties[name] = schema;
  }
  if (!of_a.is_null() || !of_b.is_null()) a["properties"] = std::move(properties);

  Json required = part(a, "required");
  if (required.is_null()) required = part(b, "required");
  const Json more_required = part(b, "required");
  if (!required.is_null() &&
      (!required.is_array() || (!more_required.is_null() && !more_required.is_array()))) {
    return refuse_schema(path + "/required", "must be a list of names");
  }
  for (const Json& name : more_required) {
    if (std::find(required.begin(), required.end(), name) == required.end()) required.push_back(name);
  }
  if (!required.is_null()) a["required"] = std::move(required);

  if (more_in_a.is_null()) {
    if (!more_in_b.is_null()) a["additionalProperties"] = more_in_b;
  } else if (more_in_a == false || more_in_b == false) {
    a["additionalProperties"] = false;
  } else if (!more_in_b.is_null()) {
    a["additionalProperties"] = more_in_a == true   ? more_in_b
                                : more_in_b == true ? more_in_a
                                                    : both(more_in_a, more_in_b);
  }
  return {};
}

Status SchemaMerger::merge_keyword(Json& a, const std::string& name, const Json& value,
                                   const std::string& path) {
  const auto contradiction = [&] {
    return refuse_schema(path, fmt::format("\"{}\" contradicts what else holds here", name));
  };
  Json& mine = a[name];
  if (name == "type") {
    Json types = Json::array();
    const std::vector<std::string> others = types_of(value), own = types_of(mine);
    const auto in = [](const std::vector<std::string>& list, std::string_view type) {
      return std::find(list.begin(), list.end(), type) != list.end();
    };
    for (const std::string& type : own) {
      if (in(others, type) || (type == "integer" && in(others, "number"))) types.push_back(type);
      if (type == "number" && !in(others, "number") && in(others, "integer")) types.push_back("integer");
    }
    if (types.empty()) return contradiction();
    mine = types.size() == 1 ? Json(types[0]) : types;
    return {};
  }
  if (name == "enum") {
    if (!mine.is_array() || !value.is_array())
      return refuse_schema(path + "/enum", "must be a list of values");
    Json common = Json::array();
    for (const Json& one : mine) {
      if (std::find(value.begin(), value.end(), one) != value.end()) common.push_back(one);
    }
    if (common.empty()) return contradiction();
    mine = std::move(common);
    return {};
  }
  if (name == "anyOf" || name == "oneOf") {
    if (!mine.is_array() || !value.is_array())
      return refuse_schema(path + "/" + name, "must be a list of schemas");
    Json pairs = Json::array();
    for (const Json& one : mine) {
      for (const Json& other : value) {
        HEARTH_CHECK_OK(spend(one, path));
        HEARTH_CHECK_OK(spend(other, path));
        pairs.push_back(both(one, other));
      }
    }
    mine = std::move(pairs);
    return {};
  }
  if (name == "items" || name == "additionalItems" || name == "propertyNames") {
    mine = both(mine, value);
    return {};
  }
  const bool is_minimum = name.starts_with("min") || name == "exclusiveMinimum";
  const bool is_maximum = name.starts_with("max") || name == "exclusiveMaximum";
  if ((is_minimum || is_maximum) && mine.is_number() && value.is_number()) {
    if (is_minimum ? mine < value : value < mine) mine = value;
    return {};
  }
  if (name == "const") return contradiction();
  return refuse_schema(path, fmt::format("two different \"{}\" at one place are not supported", name));
}

}  // namespace hearth::text::grammar
