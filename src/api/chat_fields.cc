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
  Json inner = function;
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
