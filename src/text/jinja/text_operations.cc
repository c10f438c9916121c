// The text operations that methods and filters share.
#include <utf8proc.h>

#include <algorithm>

#include "text/jinja/interpreter.h"
#include "text/jinja/methods.h"
#include "text/jinja/text_search.h"

namespace hearth::text::jinja {

namespace {

void append_upper(std::string& out, char32_t c) {
  if (c == 0xDF) {
    out += "SS";
  } else {
    append_utf8(out, static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))));
  }
}

void append_title(std::string& out, char32_t c) {
  if (c == 0xDF) {
    out += "Ss";
  } else {
    append_utf8(out, static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c))));
  }
}

void append_lower(std::string& out, char32_t c) {
  append_utf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
}

bool is_cased(char32_t c) {
  auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
         category == UTF8PROC_CATEGORY_LT;
}

bool is_upper(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c)) == UTF8PROC_CATEGORY_LU;
}

// U+03A3 becomes U+03C2 at the end of a word.
bool is_final_sigma(std::string_view bytes, const CodePoint& c, bool cased_before) {
  if (c.value != 0x3A3 || !cased_before) return false;
  return c.end == bytes.size() || !is_cased(code_point_at(bytes, c.end).value);
}

}  // namespace

utf8proc_category_t category(char32_t c) {
  return c == kInvalid ? UTF8PROC_CATEGORY_CN : utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

bool is_alpha(char32_t c) {
  auto k = category(c);
  return k == UTF8PROC_CATEGORY_LU || k == UTF8PROC_CATEGORY_LL || k == UTF8PROC_CATEGORY_LT ||
         k == UTF8PROC_CATEGORY_LM || k == UTF8PROC_CATEGORY_LO;
}

bool is_decimal(char32_t c) {
  return category(c) == UTF8PROC_CATEGORY_ND;
}

bool is_numeric(char32_t c) {
  auto k = category(c);
  return k == UTF8PROC_CATEGORY_ND || k == UTF8PROC_CATEGORY_NL || k == UTF8PROC_CATEGORY_NO;
}

bool is_alnum(char32_t c) {
  return is_alpha(c) || is_numeric(c);
}

MarkedText with_case(Interpreter& interpreter, const MarkedText& text, LetterCase letter_case) {
  TextBuilder out(interpreter.budget());
  interpreter.budget().spend_characters(4 * text.bytes.size());
  bool cased_before = false;
  for (size_t at = 0; at < text.bytes.size();) {
    CodePoint c = code_point_at(text.bytes, at);
    at = c.end;
    if (c.value == kInvalid) {
      out.append(text, c.begin, c.end);
      cased_before = false;
      continue;
    }
    std::string changed;
    bool first = letter_case == LetterCase::kTitle ? !cased_before : c.begin == 0;
    switch (letter_case) {
      case LetterCase::kUpper:
        append_upper(changed, c.value);
        break;
      case LetterCase::kFold:
        if (c.value == 0xDF) {
          changed = "ss";
        } else {
          append_lower(changed, c.value == 0x3C2 ? 0x3C3 : c.value);
        }
        break;
      case LetterCase::kSwap:
        if (is_upper(c.value)) {
          append_lower(changed, c.value);
        } else {
          append_upper(changed, c.value);
        }
        break;
      case LetterCase::kTitle:
      case LetterCase::kCapitalize:
      case LetterCase::kLower:
        if (letter_case != LetterCase::kLower && first) {
          append_title(changed, c.value);
        } else if (is_final_sigma(text.bytes, c, cased_before)) {
          append_utf8(changed, 0x3C2);
        } else {
          append_lower(changed, c.value);
        }
        break;
    }
    cased_before = is_cased(c.value);
    out.append(changed, text.is_untrusted(c.begin));
  }
  return out.take();
}

Datum strip_text(Interpreter& interpreter, const MarkedText& text, const MarkedText* chars, bool left,
                 bool right) {
  interpreter.budget().spend_characters(text.bytes.size());
  std::vector<char32_t> set;
  if (chars != nullptr) {
    for (size_t at = 0; at < chars->bytes.size();) {
      CodePoint c = code_point_at(chars->bytes, at);
      set.push_back(c.value);
      at = c.end;
    }
    std::sort(set.begin(), set.end());
  }
  auto goes = [&](char32_t c) {
    return chars == nullptr ? is_space(c) : std::binary_search(set.begin(), set.end(), c);
  };
  size_t begin = SIZE_MAX, end = 0;
  for (size_t at = 0; at < text.bytes.size();) {
    CodePoint c = code_point_at(text.bytes, at);
    at = c.end;
    if (goes(c.value)) continue;
    if (begin == SIZE_MAX) begin = c.begin;
    end = c.end;
  }
  if (begin == SIZE_MAX) {  // nothing stays
    begin = end = 0;
  } else {
    if (!left) begin = 0;
    if (!right) end = text.bytes.size();
  }
  TextBuilder out(interpreter.budget());
  out.append(text, begin, end);
  MarkedText result = out.take();
  result.markup = text.markup;
  return interpreter.heap().text(std::move(result));
}

MarkedText replace_text(Interpreter& interpreter, const MarkedText& text, const MarkedText& from,
                        const MarkedText& to, int64_t count) {
  TextBuilder out(interpreter.budget());
  size_t done = 0;
  if (from.bytes.empty()) {  // between all characters
    size_t at = 0;
    while (count != 0) {
      interpreter.budget().spend();
      out.append(to);
      --count;
      if (at == text.bytes.size()) return out.take();
      size_t end = code_point_at(text.bytes, at).end;
      out.append(text, at, end);
      at = end;
    }
    out.append(text, at, text.bytes.size());
    return out.take();
  }
  spend_search(interpreter.budget(), text.bytes, from.bytes);
  for (; count != 0; --count) {
    size_t found = find_text(text.bytes, from.bytes, done);
    if (found == std::string::npos) break;
    interpreter.budget().spend();
    out.append(text, done, found);
    out.append(to);
    done = found + from.bytes.size();
  }
  out.append(text, done, text.bytes.size());
  return out.take();
}

std::vector<Datum> split_lines(Interpreter& interpreter, const MarkedText& text, bool keep_ends) {
  std::vector<Datum> lines;
  size_t begin = 0;
  interpreter.budget().spend_characters(text.bytes.size());
  auto add = [&](size_t end) {
    TextBuilder out(interpreter.budget());
    out.append(text, begin, end);
    MarkedText line = out.take();
    line.markup = text.markup;
    lines.push_back(interpreter.heap().text(std::move(line)));
    interpreter.budget().spend();
  };
  for (size_t at = 0; at < text.bytes.size();) {
    CodePoint c = code_point_at(text.bytes, at);
    bool ends = (c.value >= 0x0A && c.value <= 0x0D) || (c.value >= 0x1C && c.value <= 0x1E) ||
                c.value == 0x85 || c.value == 0x2028 || c.value == 0x2029;
    at = c.end;
    if (!ends) continue;
    if (c.value == '\r' && at < text.bytes.size() && text.bytes[at] == '\n') ++at;
    add(keep_ends ? at : c.begin);
    begin = at;
  }
  if (begin < text.bytes.size()) add(text.bytes.size());
  return lines;
}

}  // namespace hearth::text::jinja
