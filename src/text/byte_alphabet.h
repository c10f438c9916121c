// GPT-2's way to write bytes in a vocabulary: every byte has a printable character of its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hearth::text {

// Appends the character that stands for a byte.
void append_byte_character(uint8_t byte, std::string& out);

// Appends the bytes a vocabulary spelling stands for; characters outside the alphabet stay as they are.
// `spelling` must be valid UTF-8.
void append_spelled_bytes(std::string_view spelling, std::string& out);

}  // namespace hearth::text
