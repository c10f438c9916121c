#include "app/chat/message_json.h"

#include "serving/text_value.h"

namespace hearth::app {
namespace {

using api::Json;
using serving::ChatMessage;
using serving::ToolCall;

template <typename... Args>
tl::unexpected<Error> invalid(fmt::format_string<Args...> format, Args&&... args) {
  return fail(ErrorCategory::kInvalidArgument, format, std::forward<Args>(args)...);
}

// An optional text; null counts as absent.
Status read_text(const Json& object, const char* key, const std::string& where, std::string& out) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return {};
  if (!found->is_string()) return invalid("{}.{} must be a text", where, key);
  out = found->get<std::string>();
  return {};
}

// A text, or a list of parts of which each is {"type": "text", "text": ...}.
Status read_content(const Json& object, const std::string& where, std::string& out) {
  const auto found = object.find("content");
  if (found == object.end() || !found->is_array()) return read_text(object, "content", where, out);
  for (size_t i = 0; i < found->size(); ++i) {
    const Json& part = (*found)[i];
    const std::string place = fmt::format("{}.content[{}]", where, i);
    if (!part.is_object() || part.value("type", Json()) != "text" || !part.contains("text")) {
      return invalid("{} must be {{\"type\": \"text\", \"text\": ...}}", place);
    }
    std::string text;
    HEARTH_CHECK_OK(read_text(part, "text", place, text));
    out += text;
  }
  return {};
}

Result<ToolCall> read_call(const Json& object, const std::string& where) {
  if (!object.is_object()) return invalid("{} must be an object", where);
  ToolCall call;
  HEARTH_CHECK_OK(read_text(object, "id", where, call.id));
  const auto function = object.find("function");
  if (function == object.end() || !function->is_object())
    return invalid("{}.function must be an object", where);
  HEARTH_CHECK_OK(read_text(*function, "name", where + ".function", call.name));
  if (call.name.empty()) return invalid("{}.function.name must not be empty", where);
  const auto arguments = function->find("arguments");
  Json mapping = arguments == function->end() || arguments->is_null() ? Json::object() : *arguments;
  if (mapping.is_string()) {  // as the chat APIs transport them
    auto parsed = api::parse_json(mapping.get<std::string>());
    if (!parsed) return propagate(std::move(parsed).error(), where + ".function.arguments");
    mapping = *std::move(parsed);
  }
  if (!mapping.is_object()) return invalid("{}.function.arguments must be an object", where);
  call.arguments = api::to_untrusted_value(mapping);
  return call;
}

Result<ChatMessage> read_message(const Json& object, const std::string& where) {
  if (!object.is_object()) return invalid("{} must be an object", where);
  ChatMessage message;
  HEARTH_CHECK_OK(read_text(object, "role", where, message.role));
  if (message.role.empty()) return invalid("{}.role is missing", where);
  HEARTH_CHECK_OK(read_content(object, where, message.content));
  HEARTH_CHECK_OK(read_text(object, "reasoning_content", where, message.reasoning));
  HEARTH_CHECK_OK(read_text(object, "tool_call_id", where, message.tool_call_id));
  HEARTH_CHECK_OK(read_text(object, "name", where, message.name));
  const auto calls = object.find("tool_calls");
  if (calls == object.end() || calls->is_null()) return message;
  if (!calls->is_array()) return invalid("{}.tool_calls must be a list", where);
  for (size_t i = 0; i < calls->size(); ++i) {
    HEARTH_TRY(ToolCall call, read_call((*calls)[i], fmt::format("{}.tool_calls[{}]", where, i)));
    message.tool_calls.push_back(std::move(call));
  }
  return message;
}

}  // namespace

Result<std::vector<ChatMessage>> messages_from_json(const Json& list) {
  if (!list.is_array()) return invalid("messages must be a list");
  std::vector<ChatMessage> messages;
  messages.reserve(list.size());
  for (size_t i = 0; i < list.size(); ++i) {
    HEARTH_TRY(ChatMessage message, read_message(list[i], fmt::format("messages[{}]", i)));
    messages.push_back(std::move(message));
  }
  return messages;
}

Json messages_to_json(const std::vector<ChatMessage>& messages) {
  Json list = Json::array();
  for (const ChatMessage& message : messages) {
    Json object = {{"role", message.role}, {"content", message.content}};
    if (!message.reasoning.empty()) object["reasoning_content"] = message.reasoning;
    if (!message.tool_call_id.empty()) object["tool_call_id"] = message.tool_call_id;
    if (!message.name.empty()) object["name"] = message.name;
    if (!message.tool_calls.empty()) {
      object["tool_calls"] = Json::array();
      for (const ToolCall& call : message.tool_calls) {
        object["tool_calls"].push_back(
            {{"id", call.id},
             {"type", "function"},
             {"function", {{"name", call.name}, {"arguments", serving::to_json(call.arguments)}}}});
      }
    }
    list.push_back(std::move(object));
  }
  return list;
}

}  // namespace hearth::app
