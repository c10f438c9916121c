// Token ids in, valid UTF-8 out: bytes of an unfinished character wait for the rest.
#pragma once

#include <string>

#include "text/tokenizer.h"

namespace hearth::text {

class StreamDecoder {
 public:
  // Borrows the tokenizer. `render_special` shows control tokens as their spelling.
  explicit StreamDecoder(const Tokenizer& tokenizer, bool render_special = false);

  // The text that is certain after this token; may be empty. Always valid UTF-8.
  std::string push(TokenId id);
  // At the end of the stream: an unfinished character is left out, as a limit may have cut it.
  void finish() { pending_.clear(); }

 private:
  const Tokenizer& tokenizer_;
  bool render_special_;
  bool at_start_ = true;
  std::string pending_;
};

}  // namespace hearth::text
