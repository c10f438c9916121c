// Schemas that hold together: `allOf`, and keywords beside `$ref` or `anyOf`, as one schema without them.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "text/grammar/value_syntax.h"

namespace hearth::text::grammar {

class SchemaMerger {
 public:
  // Borrows both. What `refuse_unsupported` refuses is said at json_schema.h.
  SchemaMerger(const Json& document, const GrammarLimits& limits, bool refuse_unsupported)
      : document_(document), limits_(limits), refuse_unsupported_(refuse_unsupported) {}

  // What a local reference (#, #/$defs/name, any JSON pointer) names. kInvalidArgument when there is nothing.
  Result<const Json*> resolve(std::string_view reference, const std::string& path) const;

  // The same schema without $ref and allOf at its top, without annotations, and with nullable as a type.
  // true becomes {}. kInvalidArgument names the keyword at fault and its path: one that is not supported, or
  // two that contradict each other.
  Result<Json> expand(const Json& schema, const std::string& path, int depth);

  // Both, each expanded already.
  Result<Json> merge(Json a, const Json& b, const std::string& path);

 private:
  Result<Json> own_keywords(const Json& schema, const std::string& path) const;
  Status merge_keyword(Json& a, const std::string& name, const Json& value, const std::string& path);
  Status merge_properties(Json& a, const Json& b, const std::string& path);
  Status spend(const Json& copied, const std::string& path);

  const Json& document_;
  const GrammarLimits& limits_;
  bool refuse_unsupported_;
  size_t n_copied_ = 0;
};

// "path: message" as an Error of kInvalidArgument.
tl::unexpected<Error> refuse_schema(const std::string& path, std::string_view message);

}  // namespace hearth::text::grammar
