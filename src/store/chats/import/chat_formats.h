// One conversation of a file, in the shapes of the programs that write them.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/chats/import/chat_file.h"

namespace hearth::store {

using ForeignJson = nlohmann::json;

// Parts of chats that this program has no place for, counted by kind over a whole file.
class LeftOut {
 public:
  // `what` is a plural ("images"); `why` is the same each time.
  void add(std::string_view what, std::string_view why, size_t n = 1);
  void report(std::vector<SkippedPart>& skipped) const;

 private:
  struct Kind {
    std::string why;
    size_t n = 0;
  };
  std::map<std::string, Kind, std::less<>> kinds_;
};

// kInvalidArgument: why the chat is left out. kUnsupported: of no known shape.
Result<WholeChat> parse_foreign_chat(const ForeignJson& json, LeftOut& left_out);

// What export/chat_export.h writes. kInvalidArgument: it is broken.
Result<WholeChat> parse_markdown_chat(std::string_view text, LeftOut& left_out);

}  // namespace hearth::store
