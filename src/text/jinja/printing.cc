#include "text/jinja/printing.h"

#include <utf8proc.h>

#include <charconv>
#include <cmath>

#include "text/jinja/interpreter.h"
#include "text/jinja/operations.h"

namespace hearth::text::jinja {

namespace {

bool is_printable(char32_t c) {
  if (c == ' ') return true;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

std::string escaped_code_point(char32_t c, unsigned char byte) {
  switch (c) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    case '\\':
      return "\\\\";
    case kInvalid:
      return fmt::format("\\x{:02x}", byte);
    default:
      break;
  }
  if (c < 0x100) return fmt::format("\\x{:02x}", static_cast<uint32_t>(c));
  if (c < 0x10000) return fmt::format("\\u{:04x}", static_cast<uint32_t>(c));
  return fmt::format("\\U{:08x}", static_cast<uint32_t>(c));
}

void string_repr(TextBuilder& out, const MarkedText& text) {
  std::string_view bytes = text.bytes;
  bool double_quotes = bytes.find('\'') != bytes.npos && bytes.find('"') == bytes.npos;
  char quote = double_quotes ? '"' : '\'';
  out.append(std::string_view(&quote, 1), false);
  size_t done = 0;
  for (size_t at = 0; at < bytes.size();) {
    CodePoint c = code_point_at(bytes, at);
    bool is_quote = c.value == static_cast<char32_t>(quote);
    if (is_quote || c.value == '\\' || c.value == kInvalid || !is_printable(c.value)) {
      out.append(text, done, at);
      bool untrusted = text.is_untrusted(at);
      out.append(is_quote ? "\\'" : escaped_code_point(c.value, static_cast<unsigned char>(bytes[at])),
                 untrusted);
      done = c.end;
    }
    at = c.end;
  }
  out.append(text, done, bytes.size());
  out.append(std::string_view(&quote, 1), false);
}

void print_items(Interpreter& interpreter, TextBuilder& out, const std::vector<Datum>& items) {
  for (size_t i = 0; i < items.size(); ++i) {
    if (i != 0) out.append(", ", false);
    print_repr(interpreter, out, items[i]);
  }
}

void print_mapping(Interpreter& interpreter, TextBuilder& out, DictObject& dict) {
  out.append("{", false);
  bool first = true;
  for (const auto& [key, value] : dict.entries) {
    if (!first) out.append(", ", false);
    first = false;
    print_repr(interpreter, out, key);
    out.append(": ", false);
    print_repr(interpreter, out, value);
  }
  out.append("}", false);
}

}  // namespace

std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  std::string digits(buffer, end);
  size_t e = digits.find('e');
  int exponent = 0;
  std::string_view tail = std::string_view(digits).substr(e + 1);
  if (tail[0] == '+') tail.remove_prefix(1);
  std::from_chars(tail.data(), tail.data() + tail.size(), exponent);
  if (exponent < -4 || exponent >= 16) return digits;  // to_chars writes exponents as Python does
  auto [fixed_end, fixed_error] =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  std::string fixed(buffer, fixed_end);
  if (fixed.find('.') == std::string::npos) fixed += ".0";
  return fixed;
}

void print(Interpreter& interpreter, TextBuilder& out, const Datum& value) {
  interpreter.budget().spend();
  switch (value.kind()) {
    case Kind::kUndefined:
      return;
    case Kind::kString:
      out.append(value.text());
      return;
    default:
      print_repr(interpreter, out, value);
  }
}

void print_repr(Interpreter& interpreter, TextBuilder& out, const Datum& value) {
  Budget::Level level(interpreter.budget());
  interpreter.budget().spend();
  switch (value.kind()) {
    case Kind::kUndefined:
      out.append("Undefined", false);
      return;
    case Kind::kNone:
      out.append("None", false);
      return;
    case Kind::kBool:
      out.append(value.integer() != 0 ? "True" : "False", false);
      return;
    case Kind::kInteger:
      out.append(std::to_string(value.integer()), false);
      return;
    case Kind::kFloat:
      out.append(float_repr(value.real()), false);
      return;
    case Kind::kString:
      interpreter.budget().spend_characters(2 * value.bytes().size());
      if (value.text().markup) out.append("Markup(", false);
      string_repr(out, value.text());
      if (value.text().markup) out.append(")", false);
      return;
    case Kind::kList:
      out.append("[", false);
      print_items(interpreter, out, value.items());
      out.append("]", false);
      return;
    case Kind::kTuple:
      out.append("(", false);
      print_items(interpreter, out, value.items());
      out.append(value.items().size() == 1 ? ",)" : ")", false);
      return;
    case Kind::kView:
      out.append(value.sequence().type_name, false);
      out.append("([", false);
      print_items(interpreter, out, value.items());
      out.append("])", false);
      return;
    case Kind::kRange: {
      RangeObject& range = value.range();
      std::string step = range.step == 1 ? "" : fmt::format(", {}", range.step);
      out.append(fmt::format("range({}, {}{})", range.start, range.stop, step), false);
      return;
    }
    case Kind::kDict:
      print_mapping(interpreter, out, value.dict());
      return;
    case Kind::kNamespace:
      out.append("<Namespace ", false);
      print_mapping(interpreter, out, value.dict());
      out.append(">", false);
      return;
    default:
      out.append(fmt::format("<{}>", type_name(value)), false);
  }
}

}  // namespace hearth::text::jinja
