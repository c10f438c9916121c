// The objects of a chat as templates see them: mappings with the keys of the API's JSON, whose fields are
// read by the names they have in Ollama's Go types (.ToolCalls is "tool_calls"). A field that such a type
// does not have is an error, one that is not given is empty.
#pragma once

#include <string_view>

#include "text/go_template/functions.h"
#include "text/value.h"

namespace hearth::text::go_template {

struct RecordType;

extern const RecordType kMessage;
extern const RecordType kTool;

struct Record : jinja::DictObject {
  explicit Record(const RecordType& type) : type(type) {}
  const RecordType& type;
};

// nullptr for anything else, mappings without a type among them.
Record* as_record(const Datum& value);

// From a mapping; members that are records of their own become such. `depth` is how deep it lies in the
// context.
Datum make_record(Run& run, const RecordType& type, const Value& value, size_t depth = 0);
Datum make_records(Run& run, const RecordType& type, const Value& list, size_t depth = 0);

// value.name; nil where a mapping has no such key.
Datum field(Run& run, const Datum& value, std::string_view name);

// A property of a tool's parameters, as TypeScript would declare it.
Datum typescript_type(Run& run, const Datum& property);

}  // namespace hearth::text::go_template
