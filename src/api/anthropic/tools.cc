#include "api/anthropic/tools.h"

#include "api/chat_fields.h"

namespace hearth::api::anthropic {
namespace {

using serving::ToolChoice;

// {"name", "description", "input_schema"} as the template has it; nullopt for a tool of the vendor's servers.
Parsed<std::optional<Json>> read_tool(const Json& tool, const std::string& where) {
  if (!tool.is_object()) return refuse(where, "must be an object");
  HEARTH_API_TRY(const auto type, read_string(tool, "type", where + ".type", 128));
  if (!type.empty() && type != "custom") return std::nullopt;
  Json function = Json::object();
  for (const char* name : {"name", "description"}) {
    HEARTH_API_TRY(const auto words, read_string(tool, name, where + "." + name, kNoLimit));
    if (!words.empty()) function[name] = words;
  }
  if (const Json* schema = find(tool, "input_schema")) {
    if (!schema->is_object()) return refuse(where + ".input_schema", "must be an object (a JSON schema)");
    function["parameters"] = *schema;
  }
  HEARTH_API_TRY(auto normal, function_tool(function, where));
  return std::optional<Json>(std::move(normal));
}

Parsed<text::Value> read_list(const Json& body) {
  const Json* tools = find(body, "tools");
  if (tools == nullptr) return text::Value();
  if (!tools->is_array()) return refuse("tools", "must be a list");
  if (tools->size() > kMaxTools) {
    return refuse("tools", fmt::format("has {} tools, at most {} are allowed", tools->size(), kMaxTools));
  }
  text::ValueList list;
  for (size_t i = 0; i < tools->size(); ++i) {
    HEARTH_API_TRY(const auto tool, read_tool((*tools)[i], at("tools", i)));
    if (tool) list.push_back(to_untrusted_value(*tool));
  }
  return list.empty() ? text::Value() : text::Value::list(std::move(list));
}

}  // namespace

Parsed<void> read_tools(const Json& body, serving::GenerationRequest& request, serving::ChatPrompt& prompt) {
  HEARTH_API_TRY(auto tools, read_list(body));
  ToolChoice& wanted = request.tool_choice;
  if (const Json* choice = find(body, "tool_choice")) {
    if (!choice->is_object()) return refuse("tool_choice", "must be an object with a type");
    HEARTH_API_TRY(const auto type, read_string(*choice, "type", "tool_choice.type", 64));
    if (type == "none") {
      wanted.mode = ToolChoice::Mode::kNone;
    } else if (type == "any") {
      wanted.mode = ToolChoice::Mode::kRequired;
    } else if (type == "tool") {
      HEARTH_API_TRY(auto name, read_string(*choice, "name", "tool_choice.name", kMaxNameBytes));
      if (name.empty()) return refuse("tool_choice.name", "is missing");
      wanted = {.mode = ToolChoice::Mode::kRequired, .names = {std::move(name)}};
    } else if (type != "auto") {
      return refuse("tool_choice.type", fmt::format("\"{}\" is none of auto, any, tool, none", type));
    }
    HEARTH_API_TRY(const bool one, read_bool(*choice, "disable_parallel_tool_use", false));
    request.parallel_tool_calls = !one;
  }
  HEARTH_API_CHECK(check_tool_choice(wanted, tools));
  if (wanted.mode != ToolChoice::Mode::kNone) prompt.tools = std::move(tools);
  return {};
}

}  // namespace hearth::api::anthropic
