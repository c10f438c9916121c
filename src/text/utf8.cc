#include "text/utf8.h"

#include <cstring>

namespace hearth::text {

Utf8Char decode_utf8(std::string_view text) {
  const auto byte = [text](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1, Utf8State::kValid};

  // The second byte's range carries every special rule (Unicode, table 3-7).
  uint32_t n_continuation;
  uint8_t low = 0x80;
  uint8_t high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    n_continuation = 1;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    n_continuation = 2;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    n_continuation = 3;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return {0, 1, Utf8State::kInvalid};
  }

  uint32_t code_point = lead & (0x3Fu >> n_continuation);
  for (uint32_t i = 1; i <= n_continuation; ++i) {
    if (i >= text.size()) return {0, i, Utf8State::kIncomplete};
    const uint8_t next = byte(i);
    if (next < low || next > high) return {0, i, Utf8State::kInvalid};
    low = 0x80;
    high = 0xBF;
    code_point = code_point << 6 | (next & 0x3Fu);
  }
  return {code_point, n_continuation + 1, Utf8State::kValid};
}

void append_utf8(uint32_t code_point, std::string& out) {
  const auto push = [&out](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    push(code_point);
  } else if (code_point < 0x800) {
    push(0xC0 | code_point >> 6);
    push(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    push(0xE0 | code_point >> 12);
    push(0x80 | (code_point >> 6 & 0x3F));
    push(0x80 | (code_point & 0x3F));
  } else {
    push(0xF0 | code_point >> 18);
    push(0x80 | (code_point >> 12 & 0x3F));
    push(0x80 | (code_point >> 6 & 0x3F));
    push(0x80 | (code_point & 0x3F));
  }
}

size_t valid_utf8_prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    uint64_t eight;
    while (at + sizeof eight <= text.size()) {
      std::memcpy(&eight, text.data() + at, sizeof eight);
      if ((eight & 0x8080808080808080u) != 0) break;
      at += sizeof eight;
    }
    if (at == text.size()) break;
    const Utf8Char c = decode_utf8(text.substr(at));
    if (c.state != Utf8State::kValid) break;
    at += c.length;
  }
  return at;
}

std::string to_valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t n_valid = valid_utf8_prefix(text);
    out.append(text.substr(0, n_valid));
    text.remove_prefix(n_valid);
    if (text.empty()) break;
    out.append(kReplacementCharacter);
    text.remove_prefix(decode_utf8(text).length);
  }
  return out;
}

}  // namespace hearth::text
