#include "text/byte_alphabet.h"

#include <array>

#include "text/utf8.h"

namespace hearth::text {
namespace {

constexpr uint32_t kFirstMoved = 256;
constexpr uint32_t kMaxMoved = 256;

struct Alphabet {
  std::array<uint16_t, 256> character{};
  std::array<int16_t, kFirstMoved + kMaxMoved> byte{};  // by character; -1 where there is none
};

// Bytes that are visible characters in Latin-1 stand for themselves; the others move up, in order.
constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  for (auto& byte : alphabet.byte) byte = -1;
  uint32_t moved = kFirstMoved;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const bool visible = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    const uint32_t character = visible ? byte : moved++;
    alphabet.character[byte] = static_cast<uint16_t>(character);
    alphabet.byte[character] = static_cast<int16_t>(byte);
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = make_alphabet();

}  // namespace

void append_byte_character(uint8_t byte, std::string& out) {
  append_utf8(kAlphabet.character[byte], out);
}

void append_spelled_bytes(std::string_view spelling, std::string& out) {
  while (!spelling.empty()) {
    const Utf8Char c = decode_utf8(spelling);
    const int byte = c.code_point < kAlphabet.byte.size() ? kAlphabet.byte[c.code_point] : -1;
    if (byte >= 0) {
      out.push_back(static_cast<char>(byte));
    } else {
      out.append(spelling.substr(0, c.length));
    }
    spelling.remove_prefix(c.length);
  }
}

}  // namespace hearth::text
