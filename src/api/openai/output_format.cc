#include "api/openai/output_format.h"

namespace hearth::api::openai {
namespace {

using serving::OutputFormat;

Parsed<OutputFormat> schema_format(const Json& schema, const std::string& where) {
  if (!schema.is_object() && !schema.is_boolean()) return refuse(where, "must be a JSON schema: an object");
  return serving::JsonSchemaFormat{dump(schema)};
}

}  // namespace

Parsed<OutputFormat> read_format(const Json& format, const std::string& where) {
  if (!format.is_object()) return refuse(where, "must be an object with a type");
  HEARTH_API_TRY(const auto type, read_string(format, "type", where + ".type", 64));
  if (type == "text") return OutputFormat();
  if (type != "json_object" && type != "json_schema") {
    return refuse(where,
                  fmt::format("type \"{}\" is not supported; text, json_object and json_schema are", type));
  }
  const Json* schema = find(format, "schema");
  std::string schema_field = where + ".schema";
  if (const Json* wrapped = find(format, "json_schema"); wrapped != nullptr && schema == nullptr) {
    schema_field = where + ".json_schema.schema";
    if (!wrapped->is_object()) return refuse(where + ".json_schema", "must be an object with a schema");
    schema = find(*wrapped, "schema");
  }
  if (schema != nullptr) return schema_format(*schema, schema_field);
  if (type == "json_schema") return refuse(schema_field, "is missing");
  return serving::JsonObjectFormat{};
}

Parsed<OutputFormat> read_output_format(const Json& body) {
  OutputFormat result;
  std::string given;
  const auto only = [&](const char* name) -> Parsed<void> {
    if (!given.empty()) return refuse(name, fmt::format("cannot be given together with {}", given));
    given = name;
    return {};
  };
  if (const Json* format = find(body, "response_format")) {
    HEARTH_API_TRY(result, read_format(*format, "response_format"));
    if (!std::holds_alternative<std::monostate>(result)) given = "response_format";
  }
  if (const Json* schema = find(body, "json_schema")) {
    HEARTH_API_CHECK(only("json_schema"));
    HEARTH_API_TRY(result, schema_format(*schema, "json_schema"));
  }
  HEARTH_API_TRY(auto grammar, read_string(body, "grammar", "grammar", kNoLimit));
  if (!grammar.empty()) {
    HEARTH_API_CHECK(only("grammar"));
    result = serving::GbnfFormat{std::move(grammar)};
  }
  return result;
}

}  // namespace hearth::api::openai
