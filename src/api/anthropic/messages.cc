#include "api/anthropic/messages.h"

#include "api/chat_fields.h"

namespace hearth::api::anthropic {
namespace {

using serving::ChatMessage;

// Blocks and their texts are on lines of their own.
void append(std::string& text, std::string_view more) {
  if (!text.empty() && !more.empty()) text += '\n';
  text += more;
}

Parsed<std::string> read_block_type(const Json& block, const std::string& where) {
  if (!block.is_object()) return refuse(where, "must be an object with a type");
  HEARTH_API_TRY(auto type, read_string(block, "type", where + ".type", 64));
  if (type.empty()) return refuse(where + ".type", "is missing");
  return type;
}

Parsed<std::string> read_texts(const Json& content, const std::string& where);

Parsed<std::string> read_document(const Json& block, const std::string& where) {
  const std::string field = where + ".source";
  const Json* source = find(block, "source");
  if (source == nullptr || !source->is_object()) return refuse(field, "must be an object with a type");
  HEARTH_API_TRY(const auto type, read_string(*source, "type", field + ".type", 64));
  std::string text;
  for (const char* name : {"title", "context"}) {
    HEARTH_API_TRY(const auto words, read_string(block, name, where + "." + name, kNoLimit));
    append(text, words);
  }
  if (type == "text") {
    HEARTH_API_TRY(const auto words, read_string(*source, "data", field + ".data", kNoLimit));
    append(text, words);
  } else if (type == "content" && find(*source, "content") != nullptr) {
    HEARTH_API_TRY(const auto words, read_texts(*find(*source, "content"), field + ".content"));
    append(text, words);
  } else {
    return refuse(field + ".type",
                  fmt::format("\"{}\" is not supported, documents must be plain text", type));
  }
  return text;
}

Parsed<std::string> read_search_result(const Json& block, const std::string& where) {
  std::string text;
  for (const char* name : {"title", "source"}) {
    HEARTH_API_TRY(const auto words, read_string(block, name, where + "." + name, kNoLimit));
    append(text, words);
  }
  if (const Json* content = find(block, "content")) {
    HEARTH_API_TRY(const auto words, read_texts(*content, where + ".content"));
    append(text, words);
  }
  return text;
}

// Blocks that are text to a model.
Parsed<std::string> read_text(const Json& block, const std::string& type, const std::string& where) {
  if (type == "text") return read_string(block, "text", where + ".text", kNoLimit);
  if (type == "document") return read_document(block, where);
  if (type == "search_result") return read_search_result(block, where);
  if (type == "tool_reference") return read_string(block, "tool_name", where + ".tool_name", kMaxNameBytes);
  return refuse(where + ".type", fmt::format("\"{}\" is not supported here", type));
}

// A string, or blocks of text.
Parsed<std::string> read_texts(const Json& content, const std::string& where) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) return refuse(where, "must be a string or a list of blocks");
  std::string text;
  for (size_t i = 0; i < content.size(); ++i) {
    const std::string block = at(where, i);
    HEARTH_API_TRY(const auto type, read_block_type(content[i], block));
    HEARTH_API_TRY(const auto words, read_text(content[i], type, block));
    append(text, words);
  }
  return text;
}

Parsed<serving::ToolCall> read_tool_use(const Json& block, const std::string& where) {
  serving::ToolCall call;
  HEARTH_API_TRY(call.id, read_string(block, "id", where + ".id", kMaxNameBytes));
  HEARTH_API_TRY(call.name, read_string(block, "name", where + ".name", kMaxNameBytes));
  if (call.name.empty()) return refuse(where + ".name", "is missing");
  const Json* input = find(block, "input");
  if (input != nullptr && !input->is_object()) return refuse(where + ".input", "must be an object");
  call.arguments = input == nullptr ? text::Value::map() : to_untrusted_value(*input);
  return call;
}

Parsed<ChatMessage> read_tool_result(const Json& block, const std::string& where) {
  ChatMessage result;
  result.role = "tool";
  HEARTH_API_TRY(result.tool_call_id,
                 read_string(block, "tool_use_id", where + ".tool_use_id", kMaxNameBytes));
  if (result.tool_call_id.empty()) return refuse(where + ".tool_use_id", "is missing");
  if (const Json* content = find(block, "content")) {
    HEARTH_API_TRY(result.content, read_texts(*content, where + ".content"));
  }
  HEARTH_API_TRY(const bool is_error, read_bool(block, "is_error", false));
  if (is_error) result.content.insert(0, "Error: ");  // templates have no other place for it
  return result;
}

// What the vendor's servers keep for themselves.
bool is_opaque(std::string_view type) {
  return type == "redacted_thinking" || type == "server_tool_use" || type == "mcp_tool_use" ||
         type.ends_with("_tool_result");
}

// One message, its results taken out.
struct Parts {
  ChatMessage message;
  std::vector<ChatMessage> results;
};

Parsed<void> read_block(const Json& block, const std::string& where, Parts& parts) {
  HEARTH_API_TRY(const auto type, read_block_type(block, where));
  const bool of_assistant = parts.message.role == "assistant";
  if (type == "tool_use" && of_assistant) {
    HEARTH_API_TRY(auto call, read_tool_use(block, where));
    parts.message.tool_calls.push_back(std::move(call));
  } else if (type == "tool_result" && parts.message.role == "user") {
    HEARTH_API_TRY(auto result, read_tool_result(block, where));
    parts.results.push_back(std::move(result));
  } else if (type == "thinking" && of_assistant) {
    HEARTH_API_TRY(const auto thought, read_string(block, "thinking", where + ".thinking", kNoLimit));
    append(parts.message.reasoning, thought);
  } else if (!is_opaque(type)) {
    HEARTH_API_TRY(const auto words, read_text(block, type, where));
    append(parts.message.content, words);
  }
  return {};
}

Parsed<Parts> read_message(const Json& json, const std::string& where) {
  if (!json.is_object()) return refuse(where, "must be an object");
  Parts parts;
  std::string& role = parts.message.role;
  HEARTH_API_TRY(role, read_string(json, "role", where + ".role", 64));
  if (role != "user" && role != "assistant" && role != "system") {
    return refuse(where + ".role", fmt::format("\"{}\" is none of user, assistant, system", role));
  }
  const Json* content = find(json, "content");
  if (content == nullptr) return refuse(where + ".content", "is missing");
  if (!content->is_array()) {
    HEARTH_API_TRY(parts.message.content, read_texts(*content, where + ".content"));
    return parts;
  }
  if (content->empty()) return refuse(where + ".content", "must hold at least one block");
  for (size_t i = 0; i < content->size(); ++i) {
    HEARTH_API_CHECK(read_block((*content)[i], at(where + ".content", i), parts));
  }
  return parts;
}

void add(std::vector<ChatMessage>& messages, ChatMessage message) {
  if (messages.empty() || messages.back().role != message.role || message.role == "tool") {
    messages.push_back(std::move(message));
    return;
  }
  ChatMessage& last = messages.back();
  append(last.content, message.content);
  append(last.reasoning, message.reasoning);
  std::move(message.tool_calls.begin(), message.tool_calls.end(), std::back_inserter(last.tool_calls));
}

}  // namespace

Parsed<std::vector<ChatMessage>> read_messages(const Json& body) {
  std::vector<ChatMessage> messages;
  if (const Json* system = find(body, "system")) {
    ChatMessage prompt;
    prompt.role = "system";
    HEARTH_API_TRY(prompt.content, read_texts(*system, "system"));
    if (!prompt.content.empty()) messages.push_back(std::move(prompt));
  }
  HEARTH_API_TRY(const Json* list, read_some_messages(body));
  for (size_t i = 0; i < list->size(); ++i) {
    HEARTH_API_TRY(Parts parts, read_message((*list)[i], at("messages", i)));
    const bool only_results = !parts.results.empty() && parts.message.content.empty();
    for (ChatMessage& result : parts.results) messages.push_back(std::move(result));
    if (!only_results) add(messages, std::move(parts.message));
  }
  name_tool_results(messages);
  return messages;
}

}  // namespace hearth::api::anthropic
