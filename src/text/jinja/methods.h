// Methods of values, and the text operations that methods and filters share.
#pragma once

#include <utf8proc.h>

#include <string_view>
#include <vector>

#include "text/jinja/datum.h"

namespace hearth::text::jinja {

using Method = Datum (*)(Interpreter&, const Datum& self, Arguments& arguments);
Method find_string_method(std::string_view name);
Method find_container_method(Kind kind, std::string_view name);

enum class LetterCase { kUpper, kLower, kFold, kSwap, kTitle, kCapitalize };
MarkedText with_case(Interpreter& interpreter, const MarkedText& text, LetterCase letter_case);

// Kinds of characters, as str.isalpha() and its siblings see them.
utf8proc_category_t category(char32_t c);
bool is_alpha(char32_t c);
bool is_decimal(char32_t c);
bool is_numeric(char32_t c);
bool is_alnum(char32_t c);

// `chars` null strips whitespace.
Datum strip_text(Interpreter& interpreter, const MarkedText& text, const MarkedText* chars, bool left,
                 bool right);
// Negative `count` replaces all.
MarkedText replace_text(Interpreter& interpreter, const MarkedText& text, const MarkedText& from,
                        const MarkedText& to, int64_t count);
// dict.update: from a mapping or from pairs.
void add_to_dict(Interpreter& interpreter, DictObject& dict, const Datum& source);
std::vector<Datum> split_lines(Interpreter& interpreter, const MarkedText& text, bool keep_ends);

}  // namespace hearth::text::jinja
