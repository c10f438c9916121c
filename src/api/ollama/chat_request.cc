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
  HEARTH_API_TRY(const Json* list, read_message_list(body));
  if (list == nullptr) return messages;
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
