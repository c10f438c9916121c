#include "app/terminal_text.h"

#include <fmt/format.h>

#include "text/utf8.h"

namespace hearth::app {
namespace {

std::string escaped(std::string_view text, bool keep_lines) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const text::Utf8Char c = text::decode_utf8(text);
    const uint32_t code = c.code_point;
    if (c.state != text::Utf8State::kValid) {
      out += text::kReplacementCharacter;
    } else if (code < 0x20 && !(keep_lines && (code == '\n' || code == '\t'))) {
      text::append_utf8(0x2400 + code, out);  // Control Pictures
    } else if (code == 0x7f) {
      text::append_utf8(0x2421, out);
    } else if (code >= 0x80 && code < 0xa0) {
      out += text::kReplacementCharacter;  // the second set of control characters
    } else {
      out += text.substr(0, c.length);
    }
    text.remove_prefix(c.length);
  }
  return out;
}

}  // namespace

std::string visible_text(std::string_view text) {
  return escaped(text, true);
}
std::string visible_line(std::string_view text) {
  return escaped(text, false);
}

std::string human_count(uint64_t count) {
  std::string text = human_bytes(count);  // "7.24 GB"
  text.pop_back();
  if (text.back() == 'G') text.back() = 'B';  // as sizes of models are written
  text.erase(text.find(' '), 1);
  return text;
}

std::string human_duration(double seconds) {
  if (seconds < 60) return fmt::format("{:.0f} s", seconds);
  const auto whole = static_cast<int64_t>(seconds);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace hearth::app
