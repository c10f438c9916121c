#include "api/openai/messages.h"

namespace hearth::api::openai {

using serving::ChatMessage;

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

Parsed<std::string> read_text(const Json& object, std::string_view name, const std::string& where) {
  const std::string field = fmt::format("{}.{}", where, name);
  const Json* content = find(object, name);
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

namespace {

Parsed<ChatMessage> read_message(const Json& json, const std::string& where) {
  if (!json.is_object()) return refuse(where, "must be an object");
  ChatMessage message;
  HEARTH_API_TRY(message.role, read_role(json, where));
  HEARTH_API_TRY(message.content, read_text(json, "content", where));
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
  HEARTH_API_TRY(message.tool_calls, read_tool_calls(json, where + ".tool_calls"));
  return message;
}

}  // namespace

Parsed<std::vector<ChatMessage>> read_messages(const Json& body) {
  HEARTH_API_TRY(const Json* list, read_some_messages(body));
  std::vector<ChatMessage> messages;
  messages.reserve(list->size());
  for (size_t i = 0; i < list->size(); ++i) {
    HEARTH_API_TRY(auto message, read_message((*list)[i], at("messages", i)));
    messages.push_back(std::move(message));
  }
  name_tool_results(messages);
  return messages;
}

}  // namespace hearth::api::openai
