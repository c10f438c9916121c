#include "api/openai/tools.h"

namespace hearth::api::openai {

using serving::ToolChoice;

namespace {

// {"type":"function","function":{"name":…}}, and as older clients write it, {"name":…}.
Parsed<std::string> chosen_name(const Json& choice, const std::string& where) {
  const Json* function = find(choice, "function");
  const Json& named = function != nullptr && function->is_object() ? *function : choice;
  HEARTH_API_TRY(auto name, read_string(named, "name", where + ".name", kMaxNameBytes));
  if (name.empty()) return refuse(where + ".function.name", "is missing");
  return name;
}

// {"type":"allowed_tools","allowed_tools":{"mode":"auto"|"required","tools":[…]}}
Parsed<ToolChoice> read_allowed_tools(const Json& choice) {
  const std::string where = "tool_choice.allowed_tools";
  const Json* nested = find(choice, "allowed_tools");
  const Json& allowed = nested != nullptr && nested->is_object() ? *nested : choice;
  ToolChoice result;
  const Json* mode = find(allowed, "mode");
  if (mode != nullptr && *mode == "required") {
    result.mode = ToolChoice::Mode::kRequired;
  } else if (mode != nullptr && *mode != "auto") {
    return refuse(where + ".mode", "is neither \"auto\" nor \"required\"");
  }
  const Json* tools = find(allowed, "tools");
  if (tools == nullptr || !tools->is_array() || tools->empty()) {
    return refuse(where + ".tools", "must be a list with at least one tool");
  }
  for (size_t i = 0; i < tools->size(); ++i) {
    const std::string one = at(where + ".tools", i);
    if (!(*tools)[i].is_object()) return refuse(one, "must be an object");
    HEARTH_API_TRY(auto name, chosen_name((*tools)[i], one));
    result.names.push_back(std::move(name));
  }
  return result;
}

}  // namespace

Parsed<text::Value> read_tools(const Json& body) {
  const Json* tools = find(body, "tools");
  const bool legacy = tools == nullptr;
  const std::string field = legacy ? "functions" : "tools";
  if (legacy) tools = find(body, "functions");
  if (tools == nullptr) return text::Value();
  if (!tools->is_array()) return refuse(field, "must be a list");
  if (tools->size() > kMaxTools) {
    return refuse(field, fmt::format("has {} tools, at most {} are allowed", tools->size(), kMaxTools));
  }
  text::ValueList list;
  for (size_t i = 0; i < tools->size(); ++i) {
    const Json& tool = (*tools)[i];
    const std::string where = at(field, i);
    if (legacy) {
      HEARTH_API_TRY(auto normal, function_tool(tool, where));
      list.push_back(to_untrusted_value(normal));
      continue;
    }
    if (!tool.is_object()) return refuse(where, "must be an object");
    HEARTH_API_TRY(auto type, read_string(tool, "type", where + ".type", 64));
    if (type.starts_with("web_search")) continue;  // agents offer it whether or not the server has it
    if (type != "function") {
      return refuse(where + ".type", fmt::format("\"{}\" is not supported, only \"function\" is", type));
    }
    const Json* function = find(tool, "function");
    if (function == nullptr) return refuse(where + ".function", "is missing");
    HEARTH_API_TRY(auto normal, function_tool(*function, where + ".function"));
    list.push_back(to_untrusted_value(normal));
  }
  return list.empty() ? text::Value() : text::Value::list(std::move(list));
}

Parsed<ToolChoice> read_tool_choice(const Json& body) {
  ToolChoice result;
  const Json* choice = nullptr;
  std::string field;
  for (const char* name : {"tool_choice", "function_call"}) {
    if (choice == nullptr) choice = find(body, name), field = name;
  }
  if (choice == nullptr || *choice == "auto") return result;
  if (*choice == "none") {
    result.mode = ToolChoice::Mode::kNone;
  } else if (*choice == "required" || *choice == "any") {
    result.mode = ToolChoice::Mode::kRequired;
  } else if (choice->is_object()) {
    HEARTH_API_TRY(const auto type, read_string(*choice, "type", field + ".type", 64));
    if (type == "allowed_tools") return read_allowed_tools(*choice);
    if (!type.empty() && type != "function" && type != "custom") {
      return refuse(field + ".type", fmt::format("\"{}\" is neither function nor allowed_tools", type));
    }
    HEARTH_API_TRY(auto name, chosen_name(*choice, field));
    result = {.mode = ToolChoice::Mode::kRequired, .names = {std::move(name)}};
  } else {
    return refuse(field, shown(*choice) + ", must be \"auto\", \"none\", \"required\" or name a function");
  }
  return result;
}

}  // namespace hearth::api::openai
