// Files of conversations, from this program or another: recognised by what is in them.
//
// - JSON and Markdown of export/chat_export.h
// - conversations.json of ChatGPT's data export: a list of chats, each a `mapping` of nodes with `parent` and
//   `children`; branches are edited questions and answers that were asked for again
// - Open WebUI's export of chats: a list of {"chat": {"history": {"messages": {id: {"parentId", ...}}}}}
//
// Files are untrusted. A chat that cannot be read is left out, and so is what this program has no place for
// (images, results of tools); both are named with the reason. Memory is a small multiple of the file.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "store/chats/chat.h"

namespace hearth::store {

struct SkippedPart {
  std::string what;
  std::string why;
};

struct ChatFile {
  std::vector<WholeChat> chats;  // fit for ChatStore::add_whole
  std::vector<SkippedPart> skipped;
};

// kInvalidArgument: not a file of these kinds, or broken; with what it seems to be.
Result<ChatFile> read_chat_file(std::string bytes);

}  // namespace hearth::store
