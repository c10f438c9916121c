#include "api/openai/responses/items.h"

#include "api/openai/messages.h"
#include "base/random_id.h"

namespace hearth::api::openai::responses {
namespace {

using serving::ChatMessage;
using serving::ToolCall;

const char* id_prefix(const std::string& type) {
  if (type == "message") return "msg_";
  if (type == "reasoning") return "rs_";
  if (type == "function_call") return "fc_";
  if (type == "function_call_output") return "fco_";
  if (type == "custom_tool_call") return "ctc_";
  if (type == "custom_tool_call_output") return "ctco_";
  return "item_";
}

// Written by tools that this server does not run, and steps of talking to them.
bool is_of_built_in_tool(const std::string& type) {
  return type.ends_with("_call") || type.ends_with("_call_output") || type.starts_with("mcp_");
}

Parsed<std::string> joined_texts(const Json& item, std::string_view name, const std::string& where) {
  const Json* parts = find(item, name);
  if (parts == nullptr) return std::string();
  if (!parts->is_array()) return refuse(fmt::format("{}.{}", where, name), "must be a list");
  std::string text;
  for (size_t i = 0; i < parts->size(); ++i) {
    const std::string one = fmt::format("{}.{}[{}]", where, name, i);
    if (!(*parts)[i].is_object()) return refuse(one, "must be an object");
    HEARTH_API_TRY(const auto words, read_string((*parts)[i], "text", one + ".text", kNoLimit));
    if (!text.empty() && !words.empty()) text += "\n\n";
    text += words;
  }
  return text;
}

// encrypted_content is this server's own: the text itself, so that a client that stores nothing here brings
// it back.
Parsed<std::string> read_reasoning(const Json& item, const std::string& where) {
  HEARTH_API_TRY(auto text, read_string(item, "encrypted_content", where + ".encrypted_content", kNoLimit));
  for (const char* name : {"content", "summary"}) {
    if (!text.empty()) break;
    HEARTH_API_TRY(text, joined_texts(item, name, where));
  }
  return text;
}

// A text as the parts that are stored and listed.
Json message_parts(const std::string& role, std::string text) {
  Json part = Json::object();
  part["type"] = role == "assistant" ? "output_text" : "input_text";
  part["text"] = std::move(text);
  return Json::array({std::move(part)});
}

class Conversation {
 public:
  explicit Conversation(const OfferedTools& tools) : tools_(tools) {}

  void instruct(const std::string& text) {
    // One message, for templates that know one system message at the start and no other.
    if (!messages_.empty() && messages_.size() == n_instructions_) {
      messages_.back().content += "\n\n" + text;
      return;
    }
    if (messages_.empty()) ++n_instructions_;
    start("system").content = text;
  }

  Parsed<void> add(const Json& item, const std::string& where) {
    if (!item.is_object()) return refuse(where, "must be an object");
    HEARTH_API_TRY(const auto type, read_string(item, "type", where + ".type", 64));
    if (type == "message") return add_message(item, where);
    if (type == "reasoning") {
      HEARTH_API_TRY(reasoning_, read_reasoning(item, where));
      return {};
    }
    if (type == "function_call" || type == "custom_tool_call") return add_call(item, where, type[0] == 'c');
    if (type == "function_call_output" || type == "custom_tool_call_output") return add_output(item, where);
    if (is_of_built_in_tool(type)) return {};
    return refuse(where + ".type", fmt::format("\"{}\" is not a known kind of item", type));
  }

  std::vector<ChatMessage> take() {
    name_tool_results(messages_);
    return std::move(messages_);
  }

 private:
  ChatMessage& start(std::string role) {
    ChatMessage& message = messages_.emplace_back();
    message.role = std::move(role);
    return message;
  }

  Parsed<void> add_message(const Json& item, const std::string& where) {
    HEARTH_API_TRY(const auto role, read_role(item, where));
    if (find(item, "content") == nullptr) return refuse(where + ".content", "is missing");
    HEARTH_API_TRY(auto content, read_text(item, "content", where));
    if (role == "system") {
      instruct(content);
      return {};
    }
    ChatMessage& message = start(role);
    message.content = std::move(content);
    if (role == "assistant") message.reasoning = std::exchange(reasoning_, {});
    return {};
  }

  Parsed<void> add_call(const Json& item, const std::string& where, bool custom) {
    ToolCall call;
    HEARTH_API_TRY(call.id, read_string(item, "call_id", where + ".call_id", kMaxNameBytes));
    HEARTH_API_TRY(const auto name, read_string(item, "name", where + ".name", kMaxNameBytes));
    HEARTH_API_TRY(const auto name_space,
                   read_string(item, "namespace", where + ".namespace", kMaxNameBytes));
    if (call.id.empty()) return refuse(where + ".call_id", "is missing");
    if (name.empty()) return refuse(where + ".name", "is missing");
    call.name = tools_.function_of(name_space, name);
    if (custom) {
      HEARTH_API_TRY(auto input, read_string(item, "input", where + ".input", kNoLimit));
      call.arguments = text::Value::map();
      call.arguments.set(kCustomArgument, text::Value::untrusted(std::move(input)));
    } else {
      HEARTH_API_TRY(call.arguments, read_arguments(item, where));
    }
    const bool goes_on = !messages_.empty() && messages_.back().role == "assistant" && reasoning_.empty();
    if (!goes_on) start("assistant").reasoning = std::exchange(reasoning_, {});
    messages_.back().tool_calls.push_back(std::move(call));
    return {};
  }

  Parsed<void> add_output(const Json& item, const std::string& where) {
    HEARTH_API_TRY(auto call_id, read_string(item, "call_id", where + ".call_id", kMaxNameBytes));
    if (call_id.empty()) return refuse(where + ".call_id", "is missing");
    if (find(item, "output") == nullptr) return refuse(where + ".output", "is missing");
    HEARTH_API_TRY(auto output, read_text(item, "output", where));
    ChatMessage& message = start("tool");
    message.tool_call_id = std::move(call_id);
    message.content = std::move(output);
    return {};
  }

  const OfferedTools& tools_;
  std::vector<ChatMessage> messages_;
  size_t n_instructions_ = 0;  // 1: the conversation begins with a system message
  std::string reasoning_;      // of the message to come
};

}  // namespace

std::string referenced_id(const Json& item) {
  const auto type = item.find("type");
  const auto id = item.find("id");
  if (type == item.end() || *type != "item_reference" || id == item.end() || !id->is_string()) return {};
  return id->get<std::string>();
}

Parsed<Json> read_input(const Json& body) {
  const Json* input = find(body, "input");
  if (input == nullptr) return Json(Json::array());
  Json items = Json::array();
  if (input->is_string()) {
    items.push_back(Json{{"role", "user"}, {"content", *input}});
  } else if (input->is_array()) {
    items = *input;
  } else {
    return refuse("input", shown(*input) + ", must be a string or a list of items");
  }
  if (items.size() > kMaxMessages) {
    return refuse("input", fmt::format("has {} items, at most {} are allowed", items.size(), kMaxMessages));
  }
  for (size_t i = 0; i < items.size(); ++i) {
    Json& item = items[i];
    const std::string where = at("input", i);
    if (!item.is_object()) return refuse(where, "must be an object");
    HEARTH_API_TRY(auto type, read_string(item, "type", where + ".type", 64));
    HEARTH_API_TRY(auto id, read_string(item, "id", where + ".id", kMaxNameBytes));
    if (type.empty()) type = find(item, "role") == nullptr && !id.empty() ? "item_reference" : "message";
    if (id.empty()) {
      if (type == "item_reference") return refuse(where + ".id", "is missing");
      id = random_id(id_prefix(type));
    }
    item["id"] = std::move(id);
    item["type"] = type;
    const Json* content = type == "message" ? find(item, "content") : nullptr;
    if (content != nullptr && content->is_string()) {
      HEARTH_API_TRY(const auto role, read_string(item, "role", where + ".role", 64));
      item["content"] = message_parts(role, content->get<std::string>());
    }
  }
  return items;
}

Parsed<std::vector<ChatMessage>> read_conversation(const std::string& instructions,
                                                   const std::vector<Json>& items, size_t n_earlier,
                                                   const OfferedTools& tools) {
  Conversation conversation(tools);
  if (!instructions.empty()) conversation.instruct(instructions);
  for (size_t i = 0; i < items.size(); ++i) {
    HEARTH_API_CHECK(conversation.add(
        items[i], i < n_earlier ? at("previous_response_id.items", i) : at("input", i - n_earlier)));
  }
  std::vector<ChatMessage> messages = conversation.take();
  if (messages.empty()) return refuse("input", "must have at least one item");
  if (messages.size() > kMaxMessages) {
    return refuse("input", fmt::format("the conversation has {} messages, at most {} are allowed",
                                       messages.size(), kMaxMessages));
  }
  return messages;
}

}  // namespace hearth::api::openai::responses
