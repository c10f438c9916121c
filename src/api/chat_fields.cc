#include "api/chat_fields.h"

namespace hearth::api {
namespace {

bool offers(const text::Value& tools, const std::string& name) {
  if (!tools.is_list()) return false;
  for (const text::Value& tool : tools.as_list()) {
    const text::Value* function = tool.find("function");
    const text::Value* known = function == nullptr ? nullptr : function->find("name");
    if (known != nullptr && known->is_string() && known->as_string().text == name) return true;
  }
  return false;
}

}  // namespace

Parsed<Json> function_tool(const Json& function, const std::string& where) {
  if (!function.is_object()) return refuse(where, "must be an object");
  HEARTH_API_TRY(const auto name, read_string(function, "name", where + ".name", kMaxNameBytes));
  if (name.empty()) return refuse(where + ".name", "is missing");
  const bool described = find(function, "description") != nullptr;
  Json inner = Json::object();
  for (const auto& [key, value] : function.items()) {
    if (key != "description" || described) inner[key] = value;
    // Templates join it to other text, which fails where there is none.
    if (key == "name" && !described) inner["description"] = "";
  }
  const Json* parameters = find(function, "parameters");
  if (parameters == nullptr) {
    inner["parameters"] = Json{{"type", "object"}, {"properties", Json::object()}};
  } else if (!parameters->is_object()) {
    return refuse(where + ".parameters", "must be an object (a JSON schema)");
  }
  Json tool = Json::object();
  tool["type"] = "function";
  tool["function"] = std::move(inner);
  return tool;
}

Parsed<const Json*> read_message_list(const Json& body) {
  const Json* list = find(body, "messages");
  if (list == nullptr) return list;
  if (!list->is_array()) return refuse("messages", shown(*list) + ", must be a list");
  if (list->size() > kMaxMessages) {
    return refuse("messages",
                  fmt::format("has {} messages, at most {} are allowed", list->size(), kMaxMessages));
  }
  return list;
}

Parsed<const Json*> read_some_messages(const Json& body) {
  HEARTH_API_TRY(const Json* list, read_message_list(body));
  if (list == nullptr || list->empty()) {
    return refuse("messages", "must be a list with at least one message");
  }
  return list;
}

Parsed<text::Value> read_arguments(const Json& function, const std::string& where) {
  const std::string field = where + ".arguments";
  const Json* arguments = find(function, "arguments");
  if (arguments == nullptr) return text::Value::map();
  if (arguments->is_object()) return to_untrusted_value(*arguments);
  if (!arguments->is_string()) return refuse(field, "must be a string that holds a JSON object");
  const auto& source = arguments->get_ref<const std::string&>();
  if (source.find_first_not_of(" \t\r\n") == std::string::npos) return text::Value::map();
  const Result<Json> parsed = parse_json(source);
  if (!parsed) return refuse(field, parsed.error().message);
  if (!parsed->is_object()) return refuse(field, "does not hold a JSON object");
  return to_untrusted_value(*parsed);
}

namespace {

Parsed<serving::ToolCall> read_call(const Json& function, const std::string& where) {
  serving::ToolCall call;
  HEARTH_API_TRY(call.name, read_string(function, "name", where + ".name", kMaxNameBytes));
  if (call.name.empty()) return refuse(where + ".name", "is missing");
  HEARTH_API_TRY(call.arguments, read_arguments(function, where));
  return call;
}

}  // namespace

Parsed<std::vector<serving::ToolCall>> read_tool_calls(const Json& message, const std::string& where) {
  std::vector<serving::ToolCall> calls;
  const Json* list = find(message, "tool_calls");
  if (list == nullptr) {
    const Json* function = find(message, "function_call");
    if (function == nullptr || !function->is_object()) return calls;
    HEARTH_API_TRY(calls.emplace_back(), read_call(*function, where));
    return calls;
  }
  if (!list->is_array()) return refuse(where, shown(*list) + ", must be a list");
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string one = at(where, i);
    const Json& json = (*list)[i];
    if (!json.is_object()) return refuse(one, "must be an object");
    const Json* function = find(json, "function");
    if (function == nullptr || !function->is_object()) return refuse(one + ".function", "must be an object");
    HEARTH_API_TRY(serving::ToolCall call, read_call(*function, one + ".function"));
    HEARTH_API_TRY(call.id, read_string(json, "id", one + ".id", kMaxNameBytes));
    calls.push_back(std::move(call));
  }
  return calls;
}

Parsed<void> check_tool_choice(const serving::ToolChoice& choice, const text::Value& tools) {
  if (choice.mode == serving::ToolChoice::Mode::kRequired && tools.is_none()) {
    return refuse("tool_choice", "asks for a call, but there are no tools");
  }
  for (const std::string& name : choice.names) {
    if (!offers(tools, name)) {
      return refuse("tool_choice", fmt::format("names \"{}\", which is not among the tools", name));
    }
  }
  return {};
}

void name_tool_results(std::vector<serving::ChatMessage>& messages) {
  for (size_t i = 0; i < messages.size(); ++i) {
    serving::ChatMessage& result = messages[i];
    if (result.role != "tool" || !result.name.empty() || result.tool_call_id.empty()) continue;
    // Results follow their calls closely; looking further would make long histories quadratic.
    const size_t oldest = i > 64 ? i - 64 : 0;
    for (size_t j = i; j-- > oldest && result.name.empty();) {
      for (const serving::ToolCall& call : messages[j].tool_calls) {
        if (call.id == result.tool_call_id) result.name = call.name;
      }
    }
  }
}

const char* template_effort(std::string_view effort) {
  if (effort == "minimal" || effort == "low") return "low";
  return effort == "medium" ? "medium" : "high";
}

}  // namespace hearth::api
