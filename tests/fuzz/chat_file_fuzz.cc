// Any bytes as a file of conversations. What is read fits the store: parents come before their children, ids
// are used once, and it can be written and read again.
#include <cstdlib>
#include <string>
#include <unordered_set>

#include "fuzz_target.h"
#include "store/chats/export/chat_export.h"
#include "store/chats/import/chat_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hearth::store;
  const auto file = read_chat_file({reinterpret_cast<const char*>(data), size});
  if (!file) {
    if (file.error().message.empty()) std::abort();
    return 0;
  }
  std::string json = export_begin(0);
  bool first = true;
  for (const WholeChat& whole : file->chats) {
    std::unordered_set<std::string> ids;
    for (const Message& message : whole.messages) {
      if (!message.parent.empty() && !ids.contains(message.parent)) std::abort();
      if (!ids.insert(message.id).second) std::abort();
    }
    if (ids.empty() || (!whole.chat.leaf.empty() && !ids.contains(whole.chat.leaf))) std::abort();
    json += export_chat(whole, first);
    first = false;
    const auto again = read_chat_file(to_markdown(whole));
    if (!again || again->chats.size() != 1) std::abort();
  }
  const auto again = read_chat_file(json + export_end());
  if (!again || again->chats.size() != file->chats.size()) std::abort();
  return 0;
}
