// Reads what export/chat_export.h writes as Markdown.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "store/chats/chat_json.h"
#include "store/chats/export/chat_export.h"
#include "store/chats/import/chat_formats.h"

namespace hearth::store {
namespace {

struct Section {
  std::string kind;
  ChatJson members = ChatJson::object();
  std::string text;  // without the backslashes of export
};

// The part of a line between the marks; nullopt: it is none.
std::optional<std::string_view> mark_of(std::string_view line) {
  constexpr std::string_view kMark = markdown::kMark, kMarkEnd = markdown::kMarkEnd;
  while (line.ends_with(' ')) line.remove_suffix(1);
  if (!line.starts_with(kMark) || !line.ends_with(kMarkEnd) || line.size() < kMark.size() + kMarkEnd.size())
    return std::nullopt;
  return line.substr(kMark.size(), line.size() - kMark.size() - kMarkEnd.size());
}

Result<std::vector<Section>> sections_of(std::string_view text) {
  std::vector<Section> sections;
  const std::string_view first_line = text.substr(0, text.find('\n'));
  const bool has_returns = first_line.ends_with('\r');  // an editor has put them into all lines
  for (size_t at = 0, number = 1; at < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    if (has_returns && line.ends_with('\r')) line.remove_suffix(1);
    if (const auto mark = mark_of(line)) {
      const size_t name_end = std::min(mark->find(' '), mark->size());
      Section section;
      section.kind = mark->substr(0, name_end);
      if (name_end < mark->size()) {
        section.members = ChatJson::parse(mark->substr(name_end), nullptr, false);
        if (!section.members.is_object()) {
          return fail(ErrorCategory::kInvalidArgument, "the comment in line {} is damaged", number);
        }
      }
      sections.push_back(std::move(section));
      continue;
    }
    if (sections.empty()) continue;
    const size_t content = std::min(line.find_first_not_of('\\'), line.size());
    if (content > 0 && line.substr(content).starts_with(markdown::kMark)) line.remove_prefix(1);
    sections.back().text.append(line).append("\n");
  }
  return sections;
}

// Takes off what was put around it, where it is still there.
std::string_view unwrapped(std::string_view text, std::string_view begin, std::string_view end) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  if (text.starts_with(begin)) text.remove_prefix(begin.size());
  if (text.ends_with(end)) text.remove_suffix(end.size());
  return text;
}

std::string text_of_fence(std::string_view text) {
  const std::string fence(std::min(text.find_first_not_of('`'), text.size()), '`');
  return std::string(unwrapped(text, fence + "\n", "\n" + fence));
}

// The text behind the mark ends with the empty line that is put before the next one.
std::string_view without_last_lines(std::string_view text, bool is_last) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (!is_last && text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

}  // namespace

Result<WholeChat> parse_markdown_chat(std::string_view text, LeftOut& left_out) {
  HEARTH_TRY(std::vector<Section> sections, sections_of(text));
  // In the shape of the JSON file, whose reader checks it.
  ForeignJson chat = ForeignJson::object();
  ForeignJson messages = ForeignJson::array();
  for (size_t i = 0; i < sections.size(); ++i) {
    const Section& section = sections[i];
    const ForeignJson members(section.members);
    if (section.kind == "chat" && chat.empty()) {
      chat = members;
      if (members.value("version", ForeignJson(0)) != kExportVersion) {
        return fail(ErrorCategory::kUnsupported, "it is of a version that this program does not know");
      }
    } else if (section.kind == "message") {
      ForeignJson message = members;
      message["id"] = std::to_string(messages.size() + 1);
      if (!messages.empty()) message["parent"] = std::to_string(messages.size());
      message["content"] = "";
      message["attachments"] = ForeignJson::array();
      messages.push_back(std::move(message));
    } else if (messages.empty()) {
      return fail(ErrorCategory::kInvalidArgument, "\"{}\" stands before the first message",
                  section.kind.substr(0, 100));
    } else if (section.kind == "text") {
      messages.back()["content"] = without_last_lines(section.text, i + 1 == sections.size());
    } else if (section.kind == "reasoning") {
      messages.back()["reasoning"] =
          unwrapped(section.text, markdown::kReasoningBegins, markdown::kReasoningEnds);
      if (members.contains("ms")) messages.back()["reasoning_ms"] = members["ms"];
    } else if (section.kind == "attachment") {
      messages.back()["attachments"].push_back(
          {{"name", members.value("name", ForeignJson(""))}, {"text", text_of_fence(section.text)}});
    } else {
      left_out.add("parts", "this version does not know them");
    }
  }
  chat["messages"] = std::move(messages);
  chat.erase("mapping");
  chat.erase("chat");
  return parse_foreign_chat(chat, left_out);
}

}  // namespace hearth::store
