// Prompt text that remembers which bytes came from people and which from the program.
//
// A chat template writes control tokens (<|turn>, <|im_start|>) around what a user typed. Only bytes that the
// template itself wrote may become control tokens; the same characters inside a message stay plain text.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace hearth::text {

struct ByteRange {
  size_t begin = 0;
  size_t end = 0;
  bool operator==(const ByteRange&) const = default;
};

struct PromptText {
  std::string text;
  // Sorted, non-overlapping, non-empty ranges of `text` that came from outside.
  std::vector<ByteRange> untrusted;
};

}  // namespace hearth::text
