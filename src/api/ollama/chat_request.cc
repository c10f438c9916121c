#include "api/ollama/chat_request.h"

#include "api/chat_fields.h"

namespace hearth::api::ollama {
namespace {

using serving::ChatMessage;
using serving::ChatPrompt;

Parsed<std::string> read_role(const Json& message, const std::string& where) {
  const std::string field = where + ".role";
  HEARTH_API_TRY(auto role, read_string(message, "role", field, 64));
  for (char& c : role) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  if (role == "system" || role == "user" || role == "assistant" || role == "tool") return role;
  return refuse(field, fmt::format("\"{}\" is none of system, user, assistant, tool", role));
}

// Arguments are an object here; some clients replay the other dialect's JSON text.
Parsed<text::Value> read_arguments(const Json& function, const std::string& where) {
  const std::string field = where + ".arguments";
  const Json* arguments = find(function, "arguments");
  if (arguments == nullptr) return text::Value::map();
  if (arguments->is_object()) return to_untrusted_value(*arguments);
  if (!arguments->is_string()) return refuse(field, shown(*arguments) + ", must be an object");
  const Result<Json> parsed = parse_json(arguments->get_ref<const std::string&>());
  if (!parsed || !parsed->is_object()) return refuse(field, "does not hold a JSON object");
  return to_untrusted_value(*parsed);
}

Parsed<std::vector<serving::ToolCall>> read_tool_calls(const Json& message, const std::string& where) {
  std::vector<serving::ToolCall> calls;
  const Json* list = find(message, "tool_calls");
  if (list == nullptr) return calls;
  if (!list->is_array()) return refuse(where, shown(*list) + ", must be a list");
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string one = at(where, i);
    const Json& json = (*list)[i];
    const Json* function = json.is_object() ? find(json, "function") : nullptr;
    if (function == nullptr || !function->is_object()) return refuse(one + ".function", "must be an object");
    serving::ToolCall& call = calls.emplace_back();
    HEARTH_API_TRY(call.id, read_string(json, "id", one + ".id", kMaxNameBytes));
    HEARTH_API_TRY(call.name, read_string(*function, "name", one + ".function.name", kMaxNameBytes));
    if (call.name.empty()) return refuse(one + ".function.name", "is missing");
    HEARTH_API_TRY(call.arguments, read_arguments(*function, one + ".function"));
  }
  return calls;
}

Parsed<ChatMessage> read_message(const Json& json, const std::string& where) {
  if (!json.is_object()) return refuse(where, "must be an object");
  ChatMessage message;
  HEARTH_API_TRY(message.role, read_role(json, where));
  HEARTH_API_TRY(message.content, read_string(json, "content", where + ".content", kNoLimit));
  HEARTH_API_TRY(message.reasoning, read_string(json, "thinking", where + ".thinking", kNoLimit));
  HEARTH_API_TRY(message.name, read_string(json, "tool_name", where + ".tool_name", kMaxNameBytes));
  HEARTH_API_TRY(message.tool_call_id,
                 read_string(json, "tool_call_id", where + ".tool_call_id", kMaxNameBytes));
  HEARTH_API_TRY(message.tool_calls, read_tool_calls(json, where + ".tool_calls"));
  HEARTH_API_CHECK(refuse_images(json, where + ".images"));
  return message;
}

Parsed<std::vector<ChatMessage>> read_messages(const Json& body) {
  std::vector<ChatMessage> messages;
  const Json* list = find(body, "messages");
  if (list == nullptr) return messages;
  if (!list->is_array()) return refuse("messages", shown(*list) + ", must be a list");
  if (list->size() > kMaxMessages) {
    return refuse("messages",
                  fmt::format("has {} messages, at most {} are allowed", list->size(), kMaxMessages));
  }
  messages.reserve(list->size());
  for (size_t i = 0; i < list->size(); ++i) {
    HEARTH_API_TRY(auto message, read_message((*list)[i], at("messages", i)));
    messages.push_back(std::move(message));
  }
  name_tool_results(messages);
  return messages;
}

Parsed<text::Value> read_tools(const Json& body) {
  const Json* tools = find(body, "tools");
  if (tools == nullptr) return text::Value();
  if (!tools->is_array()) return refuse("tools", shown(*tools) + ", must be a list");
  if (tools->size() > kMaxTools) {
    return refuse("tools", fmt::format("has {} tools, at most {} are allowed", tools->size(), kMaxTools));
  }
  text::ValueList list;
  for (size_t i = 0; i < tools->size(); ++i) {
    const std::string where = at("tools", i);
    const Json& tool = (*tools)[i];
    if (!tool.is_object()) return refuse(where, "must be an object");
    const Json* function = find(tool, "function");
    if (function == nullptr) return refuse(where + ".function", "is missing");
    HEARTH_API_TRY(auto normal, function_tool(*function, where + ".function"));
    list.push_back(to_untrusted_value(normal));
  }
  return list.empty() ? text::Value() : text::Value::list(std::move(list));
}

}  // namespace

Parsed<DialectRequest> parse_chat_request(std::string_view text) {
  HEARTH_API_TRY(const Json body, read_body(text));
  HEARTH_API_TRY(DialectRequest request, read_shared_fields(body));
  ChatPrompt prompt;
  HEARTH_API_TRY(prompt.messages, read_messages(body));
  HEARTH_API_TRY(prompt.tools, read_tools(body));
  HEARTH_API_TRY(const Thinking thinking, read_think(body));
  apply(thinking, prompt);
  request.is_empty = prompt.messages.empty();
  // A last assistant message is a beginning to continue.
  prompt.add_generation_prompt = request.is_empty || prompt.messages.back().role != "assistant" ||
                                 !prompt.messages.back().tool_calls.empty();
  request.generation.prompt = std::move(prompt);
  return request;
}

}  // namespace hearth::api::ollama
