// UTF-8, one code point at a time, for bytes that may be anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hearth::text {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

enum class Utf8State : uint8_t {
  kValid,
  kInvalid,     // no continuation could make these bytes a character
  kIncomplete,  // the text ends inside what may still become a character
};

struct Utf8Char {
  uint32_t code_point = 0;  // meaningful when valid
  uint32_t length = 0;      // bytes used; for the other states those of the longest possible beginning
  Utf8State state = Utf8State::kInvalid;
};

// The character at the front of non-empty `text`. Overlong forms, surrogates and values above U+10FFFF are
// invalid.
Utf8Char decode_utf8(std::string_view text);

void append_utf8(uint32_t code_point, std::string& out);

// How many leading bytes of `text` are valid UTF-8.
size_t valid_utf8_prefix(std::string_view text);

inline bool is_valid_utf8(std::string_view text) {
  return valid_utf8_prefix(text) == text.size();
}

// The text with every invalid or unfinished part replaced by U+FFFD.
std::string to_valid_utf8(std::string_view text);

}  // namespace hearth::text
