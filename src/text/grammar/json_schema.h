// JSON Schema as a grammar: the subset that strict clients send.
//
// Supported: type (also lists), properties, required, additionalProperties, propertyNames and
// min/maxProperties (of objects without properties), items, prefixItems (and items as a list), min/maxItems,
// min/maxLength, pattern, format (a pattern beside it counts, or the format where that cannot be read),
// minimum, maximum and their exclusive forms, enum, const (of both the values that everything beside them
// allows), anyOf, oneOf (as anyOf), allOf, $ref within the document, nullable, true and {}.
//
// What is written is stricter than what validates: properties come in the schema's order; an object with
// properties has no others unless additionalProperties allows them; prefixItems are all there and nothing
// follows them unless items says so; a schema without a type has the one its keywords are about. White space
// is at most one space, or a new line with indentation.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "text/grammar/grammar.h"
#include "text/grammar/value_syntax.h"

namespace hearth::text::grammar {

struct SchemaOptions {
  // Keywords that are not supported are an error; otherwise they are left out, and the grammar allows more
  // than the schema does.
  bool refuse_unsupported = true;
  GrammarLimits limits{};
};

// kInvalidArgument: not JSON, a keyword that is not supported or wrong, each with its path ("#/properties/a:
// …"), or a limit that was passed.
Result<std::shared_ptr<const Grammar>> json_schema_grammar(std::string_view schema,
                                                           const SchemaOptions& options = {});

// Any JSON object.
Result<std::shared_ptr<const Grammar>> json_object_grammar();

// The schema as text, checked for its size before it is read.
Result<Json> parse_schema(std::string_view text, const GrammarLimits& limits);

// Adds what a schema allows to the syntax's rules; `document` is what references refer to.
Result<ExpressionId> add_schema(const ValueSyntax& syntax, const Json& document,
                                const SchemaOptions& options);

}  // namespace hearth::text::grammar
