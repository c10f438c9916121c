// Conversations as files for people to keep: JSON with everything, and Markdown with the branch that is
// shown. import/chat_file.h reads both.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "store/chats/chat.h"

namespace hearth::store {

// A JSON file is export_begin(), each chat behind a separator, export_end():
//   {"format": "hearth.chats", "version": 1, "exported": TIME, "chats": [{...Chat, "messages": [Message,
//   ...]}, ...]}
inline constexpr char kExportFormat[] = "hearth.chats";
inline constexpr int64_t kExportVersion = 1;
std::string export_begin(int64_t now_ms);
std::string export_chat(const WholeChat& whole, bool first);
std::string export_end();

// From the first message to the leaf. Comments that Markdown does not show say what is what:
//   <!-- hearth:chat {"version":1,"title":...} -->   then each message:
//   <!-- hearth:message {"role":...} -->  ## heading
//   <!-- hearth:attachment {"name":...} -->  fenced text
//   <!-- hearth:reasoning -->  text in <details>
//   <!-- hearth:text -->  what was said
// A line of a text that would look like one gets a backslash before it.
std::string to_markdown(const WholeChat& whole);

// What the Markdown above puts around texts, for the reader to take off again.
namespace markdown {
inline constexpr char kMark[] = "<!-- hearth:";
inline constexpr char kMarkEnd[] = " -->";
inline constexpr char kReasoningBegins[] = "<details><summary>Reasoning</summary>\n\n";
inline constexpr char kReasoningEnds[] = "\n\n</details>";
}  // namespace markdown

// Backticks, more of them than any run in the text has.
std::string fence_for(std::string_view text);

}  // namespace hearth::store
