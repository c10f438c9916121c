// Tool calls as a grammar: a call that cannot be malformed, in the notation that the model was taught.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "text/grammar/grammar.h"
#include "text/output/output_syntax.h"

namespace hearth::text::grammar {

struct CallableTool {
  std::string name;
  std::string parameters;  // a JSON schema; empty: any object
  // Keywords of the schema that are not supported are an error. Otherwise they are left out: schemas of tools
  // mostly guide, and arguments may then be more than the schema allows.
  bool strict = false;
};

struct CallGrammarOptions {
  bool parallel = true;                    // several calls may follow each other
  std::optional<std::string> or_schema{};  // instead of calls, JSON of this schema may come
};

// Answers that are at least one call of one of the tools, and nothing else. Arguments keep to the tool's
// schema, in Gemma's notation with their keys sorted, as its template writes them. kInvalidArgument: a syntax
// without calls, no tools, or a schema that is wrong, with the tool's name.
Result<std::shared_ptr<const Grammar>> call_grammar(const OutputSyntax& syntax,
                                                    std::span<const CallableTool> tools,
                                                    const CallGrammarOptions& options = {});

}  // namespace hearth::text::grammar
