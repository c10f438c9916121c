#include "store/chats/export/chat_export.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "store/chats/chat_json.h"

namespace hearth::store {
namespace {

std::string written(const ChatJson& json) {
  return json.dump(-1, ' ', false, ChatJson::error_handler_t::replace);
}

// One line; '>' is escaped, so that no text ends the comment.
std::string mark(std::string_view kind, const ChatJson& members) {
  std::string line(markdown::kMark);
  line += kind;
  if (!members.empty()) {
    line += ' ';
    for (const char c : written(members)) {
      if (c == '>') {
        line += "\\u003e";
      } else {
        line += c;
      }
    }
  }
  return line + markdown::kMarkEnd + "\n";
}

std::string escaped(std::string_view text) {
  std::string result;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    const size_t content = std::min(line.find_first_not_of('\\'), line.size());
    if (line.substr(content).starts_with(markdown::kMark)) result += '\\';
    result += line;
    if (end < text.size()) result += '\n';
    at = end + 1;
  }
  return result;
}

std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return text;
}

// The messages from the beginning to the leaf, or to the last one where there is no leaf.
std::vector<const Message*> shown_branch(const WholeChat& whole) {
  std::unordered_map<std::string_view, const Message*> by_id;
  for (const Message& message : whole.messages) by_id.emplace(message.id, &message);
  std::vector<const Message*> branch;
  const auto leaf = by_id.find(whole.chat.leaf);
  const Message* message = leaf != by_id.end()      ? leaf->second
                           : whole.messages.empty() ? nullptr
                                                    : &whole.messages.back();
  while (message != nullptr && branch.size() < whole.messages.size()) {
    branch.push_back(message);
    const auto parent = by_id.find(message->parent);
    message = parent == by_id.end() ? nullptr : parent->second;
  }
  std::reverse(branch.begin(), branch.end());
  return branch;
}

void append_message(const Message& message, std::string& text) {
  const bool is_user = message.role == MessageRole::kUser;
  ChatJson members = {{"role", name_of(message.role)}, {"created", message.created}};
  if (!message.model.empty()) members["model"] = message.model;
  if (message.status != MessageStatus::kComplete) members["status"] = name_of(message.status);
  text += "\n" + mark("message", members);
  text += fmt::format("## {}\n\n", is_user                 ? "User"
                                   : message.model.empty() ? "Assistant"
                                                           : one_line(message.model));
  for (const Attachment& attachment : message.attachments) {
    const std::string fence = fence_for(attachment.text);
    text += mark("attachment", {{"name", attachment.name}});
    text += fence + "\n" + escaped(attachment.text) + "\n" + fence + "\n\n";
  }
  if (!message.reasoning.empty()) {
    ChatJson reasoning = ChatJson::object();
    if (message.reasoning_ms) reasoning["ms"] = *message.reasoning_ms;
    text += mark("reasoning", reasoning);
    text += markdown::kReasoningBegins + escaped(message.reasoning) + markdown::kReasoningEnds + "\n\n";
  }
  text += mark("text", ChatJson::object());
  text += escaped(message.content) + "\n";
}

}  // namespace

std::string fence_for(std::string_view text) {
  size_t longest = 2, run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return std::string(longest + 1, '`');
}

std::string export_begin(int64_t now_ms) {
  return fmt::format("{{\"format\":\"{}\",\"version\":{},\"exported\":{},\"chats\":[\n", kExportFormat,
                     kExportVersion, now_ms);
}

std::string export_chat(const WholeChat& whole, bool first) {
  ChatJson json = to_json(whole.chat);
  json.erase("running");
  ChatJson& messages = json["messages"] = ChatJson::array();
  for (const Message& message : whole.messages) messages.push_back(to_json(message));
  return (first ? "" : ",\n") + written(json);
}

std::string export_end() {
  return "\n]}\n";
}

std::string to_markdown(const WholeChat& whole) {
  std::string text = mark("chat", {{"version", kExportVersion},
                                   {"title", whole.chat.title},
                                   {"created", whole.chat.created},
                                   {"updated", whole.chat.updated},
                                   {"settings", to_json(whole.chat.settings)}});
  text += fmt::format("# {}\n", whole.chat.title.empty() ? "Chat" : one_line(whole.chat.title));
  for (const Message* message : shown_branch(whole)) append_message(*message, text);
  return text;
}

}  // namespace hearth::store
