#include "gguf/printable.h"

#include <fmt/format.h>

namespace hearth::gguf {

std::string printable(std::string_view text) {
  constexpr size_t kShown = 100;
  std::string out;
  for (char c : text.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  if (text.size() > kShown) out += "...";
  return out;
}

}  // namespace hearth::gguf
