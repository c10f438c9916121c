// Regular expressions of JSON Schema (`pattern`): the regular part of ECMA-262, read into expressions.
// Nothing is ever matched by backtracking.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "text/grammar/value_syntax.h"

namespace hearth::text::grammar {

// The texts a pattern matches, as the content of a string.
struct Pattern {
  ExpressionId content = 0;
  // How many characters such a text has.
  uint64_t min_length = 0;
  uint64_t max_length = 0;  // kAnyLength: no limit
  static constexpr uint64_t kAnyLength = ~uint64_t{0};
};

struct Lengths {
  uint64_t min = 0, max = Pattern::kAnyLength;  // characters
};

// As in the standard, a pattern without ^ and $ matches a text that has it somewhere. Groups, alternatives,
// classes, \d \w \s and their opposites, \t \n \r \f \v \0 \xHH \uHHHH \u{H…}, and * + ? {m,n} are
// understood. kInvalidArgument for a pattern that is wrong or longer than 1 KiB, and for what is not regular
// or not supported (look-around, references, \b, \p).
//
// Of the texts it matches those of `lengths`, where one repeated character is all whose length may vary, as
// in
// ^[A-Z]{2}-[0-9]+$; of other patterns all, whatever their lengths.
Result<Pattern> read_pattern(std::string_view source, const ValueSyntax& syntax, const Lengths& lengths = {});

}  // namespace hearth::text::grammar
