#include "text/go_template/record.h"

#include <algorithm>
#include <span>

#include "text/go_template/printing.h"

namespace hearth::text::go_template {

namespace {

// What a field is when it is not given, and what lies in it.
enum class Shape : uint8_t { kText, kNumber, kList, kMap, kAny, kRecord, kRecordList, kRecordMap };

struct Field {
  std::string_view name;  // in templates
  std::string_view key;   // in JSON
  Shape shape;
  const RecordType* type = nullptr;
};

}  // namespace

struct RecordType {
  std::string_view what;  // "a message"
  std::span<const Field> fields;
};

namespace {

extern const RecordType kProperty;
constexpr Field kPropertyFields[] = {{"AnyOf", "anyOf", Shape::kRecordList, &kProperty},
                                     {"Type", "type", Shape::kText},
                                     {"Items", "items", Shape::kAny},
                                     {"Description", "description", Shape::kText},
                                     {"Enum", "enum", Shape::kList},
                                     {"Properties", "properties", Shape::kRecordMap, &kProperty},
                                     {"Required", "required", Shape::kList}};
constexpr RecordType kProperty{"a property of a tool's parameters", kPropertyFields};

constexpr Field kParametersFields[] = {{"Type", "type", Shape::kText},
                                       {"Defs", "$defs", Shape::kAny},
                                       {"Items", "items", Shape::kAny},
                                       {"Required", "required", Shape::kList},
                                       {"Properties", "properties", Shape::kRecordMap, &kProperty}};
constexpr RecordType kParameters{"the parameters of a tool", kParametersFields};

constexpr Field kFunctionFields[] = {{"Name", "name", Shape::kText},
                                     {"Description", "description", Shape::kText},
                                     {"Parameters", "parameters", Shape::kRecord, &kParameters}};
constexpr RecordType kToolFunction{"the function of a tool", kFunctionFields};

constexpr Field kToolFields[] = {{"Type", "type", Shape::kText},
                                 {"Items", "items", Shape::kAny},
                                 {"Function", "function", Shape::kRecord, &kToolFunction}};

constexpr Field kCalledFields[] = {{"Index", "index", Shape::kNumber},
                                   {"Name", "name", Shape::kText},
                                   {"Arguments", "arguments", Shape::kMap}};
constexpr RecordType kCalledFunction{"the function of a tool call", kCalledFields};

constexpr Field kCallFields[] = {{"ID", "id", Shape::kText},
                                 {"Function", "function", Shape::kRecord, &kCalledFunction}};
constexpr RecordType kToolCall{"a tool call", kCallFields};

constexpr Field kMessageFields[] = {{"Role", "role", Shape::kText},
                                    {"Content", "content", Shape::kText},
                                    {"Thinking", "thinking", Shape::kText},
                                    {"Images", "images", Shape::kList},
                                    {"ToolCalls", "tool_calls", Shape::kRecordList, &kToolCall},
                                    {"ToolName", "tool_name", Shape::kText},
                                    {"ToolCallID", "tool_call_id", Shape::kText}};

const Field* find_field(const RecordType& type, std::string_view Field::*by, std::string_view text) {
  const auto found =
      std::find_if(type.fields.begin(), type.fields.end(), [&](const Field& f) { return f.*by == text; });
  return found == type.fields.end() ? nullptr : &*found;
}

Datum empty(Run& run, const Field& field) {
  switch (field.shape) {
    case Shape::kText:
      return run.heap.text(std::string_view());
    case Shape::kNumber:
      return Datum::integer(0);
    case Shape::kList:
    case Shape::kRecordList:
      return run.heap.list();
    case Shape::kMap:
    case Shape::kRecordMap:
      return run.heap.dict();
    case Shape::kRecord:
      return Datum::object(Kind::kDict, run.heap.make<Record>(*field.type));
    case Shape::kAny:
      break;
  }
  return Datum::none();
}

Datum member(Run& run, const Field* field, const Value& value, size_t depth) {
  if (field != nullptr && value.is_map() && field->shape == Shape::kRecord) {
    return make_record(run, *field->type, value, depth);
  }
  if (field != nullptr && value.is_list() && field->shape == Shape::kRecordList) {
    return make_records(run, *field->type, value, depth);
  }
  if (field != nullptr && value.is_map() && field->shape == Shape::kRecordMap) {
    Datum mapping = run.heap.dict();
    for (const auto& [key, item] : value.as_map()) {
      Datum record =
          item.is_map() ? make_record(run, *field->type, item, depth + 1) : run.heap.value(item, depth + 1);
      run.heap.set(mapping.dict(), run.heap.text(key, true), std::move(record));
    }
    return mapping;
  }
  return run.heap.value(value, depth);
}

std::string_view typescript_name(std::string_view type) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {{"string", "string"},
                                                                      {"number", "number"},
                                                                      {"integer", "number"},
                                                                      {"boolean", "boolean"},
                                                                      {"array", "any[]"},
                                                                      {"null", "null"},
                                                                      {"object", "Record<string, any>"}};
  for (const auto& [name, typescript] : kNames) {
    if (name == type) return typescript;
  }
  return "any";
}

}  // namespace

const RecordType kMessage{"a message", kMessageFields};
const RecordType kTool{"a tool", kToolFields};

Record* as_record(const Datum& value) {
  return value.is(Kind::kDict) ? dynamic_cast<Record*>(&value.dict()) : nullptr;
}

Datum make_record(Run& run, const RecordType& type, const Value& value, size_t depth) {
  auto* record = run.heap.make<Record>(type);
  for (const auto& [key, item] : value.as_map()) {
    run.heap.set(*record, run.heap.text(key, true),
                 member(run, find_field(type, &Field::key, key), item, depth + 1));
  }
  return Datum::object(Kind::kDict, record);
}

Datum make_records(Run& run, const RecordType& type, const Value& list, size_t depth) {
  std::vector<Datum> items;
  for (const Value& item : list.as_list()) {
    items.push_back(item.is_map() ? make_record(run, type, item, depth + 1)
                                  : run.heap.value(item, depth + 1));
  }
  return run.heap.list(std::move(items));
}

Datum field(Run& run, const Datum& value, std::string_view name) {
  if (Record* record = as_record(value)) {
    const Field* field = find_field(record->type, &Field::name, name);
    if (field == nullptr && &record->type == &kProperty && name == "ToTypeScriptType") {
      return typescript_type(run, value);
    }
    if (field == nullptr) give_up("{} has no field .{}", record->type.what, name);
    const Datum* found = record->find(field->key);
    return found == nullptr || found->is_none() ? empty(run, *field) : *found;
  }
  if (!value.is(Kind::kDict)) give_up("{} has no field .{}", described(value), name);
  const Datum* found = value.dict().find(name);
  return found == nullptr ? Datum::none() : *found;
}

Datum typescript_type(Run& run, const Datum& property) {
  const Record* record = as_record(property);
  if (record == nullptr || &record->type != &kProperty) {
    give_up("toTypeScriptType needs a property of a tool's parameters, not {}", described(property));
  }
  Budget::Level level(run.budget);
  TextBuilder out(run.budget);
  const auto add = [&](const MarkedText& type) {
    if (!out.empty()) out.append(" | ", false);
    out.append(type);
  };
  const auto named = [&](const Datum& type) {
    return run.heap.text(
        typescript_name(type.is_string() ? std::string_view(type.bytes()) : std::string_view()));
  };
  const Datum choices = field(run, property, "AnyOf");
  const Datum type = field(run, property, "Type");
  if (choices.is(Kind::kList) && !choices.items().empty()) {
    for (const Datum& choice : choices.items()) add(typescript_type(run, choice).text());
  } else if (type.is(Kind::kList) && !type.items().empty()) {
    for (const Datum& item : type.items()) add(named(item).text());
  } else {
    add(named(type).text());
  }
  return run.heap.text(out.take());
}

}  // namespace hearth::text::go_template
