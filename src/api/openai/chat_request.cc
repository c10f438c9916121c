#include "api/openai/chat_request.h"

#include <algorithm>
#include <array>

namespace hearth::api::openai {
namespace {

using serving::ChatMessage;
using serving::ChatPrompt;
using serving::ToolChoice;

constexpr size_t kMaxMessages = 10'000;
constexpr size_t kMaxTools = 1'024;
constexpr size_t kMaxTemplateArguments = 64;

// Variables that belong to the prompt itself; a request must not replace them through chat_template_kwargs.
constexpr std::array<std::string_view, 8> kReservedVariables = {
    "messages",  "tools",     "documents", "add_generation_prompt",
    "bos_token", "eos_token", "unk_token", "pad_token"};

Parsed<std::string> read_role(const Json& message, const std::string& where) {
  const std::string field = where + ".role";
  HEARTH_API_TRY(auto role, read_string(message, "role", field, 64));
  for (char& c : role) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  if (role == "developer") return std::string("system");
  if (role == "function") return std::string("tool");
  if (role == "system" || role == "user" || role == "assistant" || role == "tool") return role;
  if (role.empty()) return refuse(field, "is missing");
  return refuse(field, fmt::format("\"{}\" is none of system, developer, user, assistant, tool", role));
}

Parsed<std::string> read_content(const Json& message, const std::string& where) {
  const std::string field = where + ".content";
  const Json* content = find(message, "content");
  if (content == nullptr) return std::string();
  if (content->is_string()) return content->get<std::string>();
  if (!content->is_array()) return refuse(field, "must be a string, a list of parts, or null");
  std::string text;
  for (size_t i = 0; i < content->size(); ++i) {
    const Json& part = (*content)[i];
    const std::string part_field = at(field, i);
    if (part.is_string()) {
      text += part.get_ref<const std::string&>();
      continue;
    }
    if (!part.is_object()) return refuse(part_field, "must be an object with a type");
    HEARTH_API_TRY(auto type, read_string(part, "type", part_field + ".type", 64));
    if (type == "text" || type == "input_text" || type == "output_text") {
      HEARTH_API_TRY(auto words, read_string(part, "text", part_field + ".text", kNoLimit));
      text += words;
    } else if (type == "refusal") {
      HEARTH_API_TRY(auto words, read_string(part, "refusal", part_field + ".refusal", kNoLimit));
      text += words;
    } else {
      return refuse(part_field + ".type", fmt::format("\"{}\" is not supported, only text is", type));
    }
  }
  return text;
}

// Clients send the arguments as JSON in a string; some replay them as an object.
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

Parsed<serving::ToolCall> read_tool_call(const Json& call, const std::string& where) {
  if (!call.is_object()) return refuse(where, "must be an object");
  const Json* function = find(call, "function");
  if (function == nullptr || !function->is_object()) return refuse(where + ".function", "must be an object");
  serving::ToolCall result;
  HEARTH_API_TRY(result.id, read_string(call, "id", where + ".id", kMaxNameBytes));
  HEARTH_API_TRY(result.name, read_string(*function, "name", where + ".function.name", kMaxNameBytes));
  if (result.name.empty()) return refuse(where + ".function.name", "is missing");
  HEARTH_API_TRY(result.arguments, read_arguments(*function, where + ".function"));
  return result;
}

Parsed<ChatMessage> read_message(const Json& json, const std::string& where) {
  if (!json.is_object()) return refuse(where, "must be an object");
  ChatMessage message;
  HEARTH_API_TRY(message.role, read_role(json, where));
  HEARTH_API_TRY(message.content, read_content(json, where));
  HEARTH_API_TRY(message.name, read_string(json, "name", where + ".name", kMaxNameBytes));
  HEARTH_API_TRY(message.tool_call_id,
                 read_string(json, "tool_call_id", where + ".tool_call_id", kMaxNameBytes));
  if (message.role != "assistant") {
    if (find(json, "content") == nullptr) return refuse(where + ".content", "is missing");
    return message;
  }
  for (const char* name : {"reasoning", "reasoning_content"}) {
    HEARTH_API_TRY(auto reasoning, read_string(json, name, where + "." + name, kNoLimit));
    if (!reasoning.empty()) message.reasoning = std::move(reasoning);
  }
  if (const Json* calls = find(json, "tool_calls")) {
    if (!calls->is_array()) return refuse(where + ".tool_calls", "must be a list");
    for (size_t i = 0; i < calls->size(); ++i) {
      HEARTH_API_TRY(auto call, read_tool_call((*calls)[i], at(where + ".tool_calls", i)));
      message.tool_calls.push_back(std::move(call));
    }
  }
  return message;
}

// Templates that print a tool result's name get it from the call it answers.
void name_tool_results(std::vector<ChatMessage>& messages) {
  for (size_t i = 0; i < messages.size(); ++i) {
    ChatMessage& result = messages[i];
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

Parsed<std::vector<ChatMessage>> read_messages(const Json& body) {
  const Json* list = find(body, "messages");
  if (list == nullptr || !list->is_array() || list->empty()) {
    return refuse("messages", "must be a list with at least one message");
  }
  if (list->size() > kMaxMessages) {
    return refuse("messages",
                  fmt::format("has {} messages, at most {} are allowed", list->size(), kMaxMessages));
  }
  std::vector<ChatMessage> messages;
  messages.reserve(list->size());
  for (size_t i = 0; i < list->size(); ++i) {
    HEARTH_API_TRY(auto message, read_message((*list)[i], at("messages", i)));
    messages.push_back(std::move(message));
  }
  name_tool_results(messages);
  return messages;
}

// One tool as templates expect it: {"type":"function","function":{name, …, parameters}}.
Parsed<Json> normal_tool(const Json& function, const std::string& where) {
  if (!function.is_object()) return refuse(where, "must be an object");
  HEARTH_API_TRY(auto name, read_string(function, "name", where + ".name", kMaxNameBytes));
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
      HEARTH_API_TRY(auto normal, normal_tool(tool, where));
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
    HEARTH_API_TRY(auto normal, normal_tool(*function, where + ".function"));
    list.push_back(to_untrusted_value(normal));
  }
  return list.empty() ? text::Value() : text::Value::list(std::move(list));
}

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
  HEARTH_API_TRY(const auto mode, read_string(allowed, "mode", where + ".mode", 64));
  if (mode == "required") {
    result.mode = ToolChoice::Mode::kRequired;
  } else if (!mode.empty() && mode != "auto") {
    return refuse(where + ".mode", fmt::format("\"{}\" is neither auto nor required", mode));
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
    if (!type.empty() && type != "function") {
      return refuse(field + ".type", fmt::format("\"{}\" is neither function nor allowed_tools", type));
    }
    HEARTH_API_TRY(auto name, chosen_name(*choice, field));
    result = {.mode = ToolChoice::Mode::kRequired, .names = {std::move(name)}};
  } else {
    return refuse(field, shown(*choice) + ", must be \"auto\", \"none\", \"required\" or name a function");
  }
  return result;
}

bool offers(const text::Value& tools, const std::string& name) {
  if (!tools.is_list()) return false;
  for (const text::Value& tool : tools.as_list()) {
    const text::Value* function = tool.find("function");
    const text::Value* known = function == nullptr ? nullptr : function->find("name");
    if (known != nullptr && known->is_string() && known->as_string().text == name) return true;
  }
  return false;
}

Parsed<void> check_tool_choice(const ToolChoice& choice, const text::Value& tools) {
  if (choice.mode == ToolChoice::Mode::kRequired && tools.is_none()) {
    return refuse("tool_choice", "asks for a call, but there are no tools");
  }
  for (const std::string& name : choice.names) {
    if (!offers(tools, name)) {
      return refuse("tool_choice", fmt::format("names \"{}\", which is not among the tools", name));
    }
  }
  return {};
}

Parsed<void> read_response_format(const Json& body) {
  const Json* format = find(body, "response_format");
  if (format == nullptr) return {};
  if (!format->is_object()) return refuse("response_format", "must be an object with a type");
  HEARTH_API_TRY(auto type, read_string(*format, "type", "response_format.type", 64));
  if (type != "text") {
    return refuse("response_format", fmt::format("type \"{}\" is not supported, only \"text\" is", type));
  }
  return {};
}

// Thinking and the template's variables, from the four dialects clients write them in. What names a thing
// more exactly wins: chat_template_kwargs, then reasoning, then reasoning_effort, then think.
Parsed<void> read_thinking(const Json& body, ChatPrompt& prompt) {
  std::string effort;
  if (const Json* think = find(body, "think")) {
    if (think->is_boolean()) {
      prompt.thinking = think->get<bool>();
    } else if (think->is_string()) {
      effort = think->get<std::string>();
    } else {
      return refuse("think", "must be true, false or a level");
    }
  }
  HEARTH_API_TRY(auto top_level, read_string(body, "reasoning_effort", "reasoning_effort", 64));
  if (!top_level.empty()) effort = top_level;
  if (const Json* reasoning = find(body, "reasoning")) {
    if (!reasoning->is_object()) return refuse("reasoning", "must be an object");
    HEARTH_API_TRY(auto nested, read_string(*reasoning, "effort", "reasoning.effort", 64));
    if (!nested.empty()) effort = nested;
    if (find(*reasoning, "enabled") != nullptr) {
      HEARTH_API_TRY(prompt.thinking, read_bool(*reasoning, "enabled", true));
    }
  }
  if (effort == "none") {
    prompt.thinking = false;
  } else if (!effort.empty()) {
    prompt.thinking = prompt.thinking.value_or(true);
    const bool low = effort == "minimal" || effort == "low";
    const bool medium = effort == "medium";
    prompt.template_arguments.set("reasoning_effort", text::Value(low ? "low" : medium ? "medium" : "high"));
  }

  const Json* arguments = find(body, "chat_template_kwargs");
  if (arguments == nullptr) return {};
  if (!arguments->is_object()) return refuse("chat_template_kwargs", "must be an object");
  if (arguments->size() > kMaxTemplateArguments) {
    return refuse("chat_template_kwargs", fmt::format("has {} entries, at most {} are allowed",
                                                      arguments->size(), kMaxTemplateArguments));
  }
  for (const auto& [name, value] : arguments->items()) {
    if (std::find(kReservedVariables.begin(), kReservedVariables.end(), name) != kReservedVariables.end()) {
      return refuse("chat_template_kwargs." + name, "belongs to the prompt and cannot be set");
    }
    if (name == "enable_thinking" && value.is_boolean()) prompt.thinking = value.get<bool>();
    prompt.template_arguments.set(name, to_untrusted_value(value));
  }
  return {};
}

// A trailing assistant message is a beginning to continue, unless the request says that a new turn starts.
Parsed<bool> read_generation_prompt(const Json& body, const std::vector<ChatMessage>& messages) {
  const bool prefill = messages.back().role == "assistant" && messages.back().tool_calls.empty();
  HEARTH_API_TRY(const bool go_on, read_bool(body, "continue_final_message", prefill));
  HEARTH_API_TRY(const bool add, read_bool(body, "add_generation_prompt", !go_on));
  if (find(body, "continue_final_message") != nullptr && go_on) {
    if (!prefill) return refuse("continue_final_message", "the last message is not an assistant's text");
    if (add) return refuse("add_generation_prompt", "cannot be true together with continue_final_message");
  }
  return add;
}

}  // namespace

Parsed<DialectRequest> parse_chat_request(std::string_view text) {
  HEARTH_API_TRY(const Json body, read_object(text));
  DialectRequest request;
  HEARTH_API_TRY(request.reply, read_reply_options(body));
  HEARTH_API_TRY(auto generation, read_shared_fields(body));
  HEARTH_API_CHECK(read_logprobs(body, generation));
  HEARTH_API_CHECK(read_response_format(body));

  ChatPrompt prompt;
  HEARTH_API_TRY(prompt.messages, read_messages(body));
  HEARTH_API_TRY(auto tools, read_tools(body));
  HEARTH_API_TRY(generation.tool_choice, read_tool_choice(body));
  HEARTH_API_CHECK(check_tool_choice(generation.tool_choice, tools));
  if (generation.tool_choice.mode != ToolChoice::Mode::kNone) prompt.tools = std::move(tools);
  HEARTH_API_TRY(generation.parallel_tool_calls, read_bool(body, "parallel_tool_calls", true));
  HEARTH_API_TRY(generation.thinking_budget, read_integer(body, "thinking_budget_tokens", 0, kMaxTokens));
  HEARTH_API_CHECK(read_thinking(body, prompt));
  HEARTH_API_TRY(prompt.add_generation_prompt, read_generation_prompt(body, prompt.messages));
  generation.prompt = std::move(prompt);
  add_choices(request, std::move(generation));
  return request;
}

}  // namespace hearth::api::openai
