#include "text/stream_decoder.h"

#include "text/utf8.h"

namespace hearth::text {

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool render_special)
    : tokenizer_(tokenizer), render_special_(render_special) {}

std::string StreamDecoder::push(TokenId id) {
  tokenizer_.append(id, render_special_, at_start_, pending_);
  std::string out;
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const size_t n_valid = valid_utf8_prefix(rest);
    out.append(rest.substr(0, n_valid));
    rest.remove_prefix(n_valid);
    if (rest.empty()) break;
    const Utf8Char c = decode_utf8(rest);
    if (c.state == Utf8State::kIncomplete) break;
    out.append(kReplacementCharacter);
    rest.remove_prefix(c.length);
  }
  pending_.erase(0, pending_.size() - rest.size());
  return out;
}

}  // namespace hearth::text
