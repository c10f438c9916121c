#include "text/go_template/printing.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "text/go_template/record.h"

namespace hearth::text::go_template {

namespace {

// The shortest digits that read back as the same number, laid out as Go does: with an exponent where that has
// fewer than `small` or at least `large` places.
std::string shortest(double value, int small, int large, bool short_exponent) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Inf" : "+Inf";
  char buffer[512];
  const auto scientific = std::to_chars(buffer, std::end(buffer), value, std::chars_format::scientific);
  std::string text(buffer, scientific.ptr);
  const size_t mark = text.find('e');
  const int exponent = std::atoi(text.c_str() + mark + 1);
  if (exponent >= small && exponent < large) {
    const auto fixed = std::to_chars(buffer, std::end(buffer), value, std::chars_format::fixed);
    return {buffer, fixed.ptr};
  }
  // Both write two digits at least, except for JSON's negative exponents.
  if (short_exponent && text.size() == mark + 4 && text[mark + 1] == '-' && text[mark + 2] == '0') {
    text.erase(mark + 2, 1);
  }
  return text;
}

std::string go_float(double value) {
  return shortest(value, -4, 6, false);
}

bool holds_mapping(Run& run, const Datum& list) {
  run.budget.spend(list.items().size());
  return std::any_of(list.items().begin(), list.items().end(), [&](const Datum& item) {
    return item.is(Kind::kDict) || (item.is(Kind::kList) && holds_mapping(run, item));
  });
}

void print_nested(Run& run, TextBuilder& out, const Datum& value, std::string_view nil) {
  Budget::Level level(run.budget);
  run.budget.spend();
  switch (value.kind()) {
    case Kind::kBool:
      return out.append(value.integer() != 0 ? "true" : "false", false);
    case Kind::kInteger:
      return out.append(std::to_string(value.integer()), false);
    case Kind::kFloat:
      return out.append(go_float(value.real()), false);
    case Kind::kString:
      return out.append(value.text());
    case Kind::kDict:
      return print_json(run, out, value);
    case Kind::kList:
      if (holds_mapping(run, value)) return print_json(run, out, value);
      out.append("[", false);
      for (size_t i = 0; i < value.items().size(); ++i) {
        if (i != 0) out.append(" ", false);
        print_nested(run, out, value.items()[i], "<nil>");
      }
      return out.append("]", false);
    default:
      return out.append(nil, false);
  }
}

// ---- JSON

void print_json_string(Run& run, TextBuilder& out, const MarkedText& text) {
  run.budget.spend_characters(text.bytes.size());
  out.append("\"", false);
  size_t done = 0;
  const auto replace = [&](const jinja::CodePoint& c, std::string_view with) {
    out.append(text, done, c.begin);
    out.append(with, text.is_untrusted(c.begin));
    done = c.end;
  };
  for (size_t at = 0; at < text.bytes.size();) {
    const jinja::CodePoint c = jinja::code_point_at(text.bytes, at);
    at = c.end;
    switch (c.value) {
      case '"':
        replace(c, "\\\"");
        continue;
      case '\\':
        replace(c, "\\\\");
        continue;
      case '\n':
        replace(c, "\\n");
        continue;
      case '\r':
        replace(c, "\\r");
        continue;
      case '\t':
        replace(c, "\\t");
        continue;
      case '\b':
        replace(c, "\\b");
        continue;
      case '\f':
        replace(c, "\\f");
        continue;
      case jinja::kInvalid:
        replace(c, "\\ufffd");
        continue;
      default:
        break;
    }
    // The last two end lines in JavaScript; the first three mean something in HTML.
    const bool escaped = c.value < 0x20 || c.value == '<' || c.value == '>' || c.value == '&' ||
                         c.value == 0x2028 || c.value == 0x2029;
    if (escaped) replace(c, fmt::format("\\u{:04x}", static_cast<uint32_t>(c.value)));
  }
  out.append(text, done, text.bytes.size());
  out.append("\"", false);
}

// ---- printf

// One "%…" of a format.
struct Directive {
  bool minus = false, plus = false, zero = false, space = false, sharp = false;
  std::optional<size_t> width;
  std::optional<size_t> precision;
  char verb = 0;
};

class Formatter {
 public:
  Formatter(Run& run, const std::vector<Datum>& values) : run_(run), values_(values), out_(run.budget) {}

  Datum run() {
    if (!values_[0].is_string()) give_up("printf: {} is not a format", described(values_[0]));
    const MarkedText& format = values_[0].text();
    size_t done = 0;
    for (size_t at = format.bytes.find('%'); at != std::string::npos; at = format.bytes.find('%', done)) {
      out_.append(format, done, at);
      run_.budget.spend();
      at_ = at + 1;
      const Directive directive = parse(format.bytes);
      if (directive.verb == '%') {
        out_.append(format, at, at + 1);
      } else {
        write(directive, next(directive.verb));
      }
      done = at_;
    }
    out_.append(format, done, format.bytes.size());
    if (next_ != values_.size())
      give_up("printf: the format uses {} of {} values", next_ - 1, values_.size() - 1);
    return run_.heap.text(out_.take());
  }

 private:
  const Datum& next(char verb) {
    if (next_ >= values_.size()) give_up("printf: there is no value for %{}", verb);
    return values_[next_++];
  }

  Directive parse(const std::string& format) {
    Directive directive;
    const auto peek = [&] { return at_ < format.size() ? format[at_] : '\0'; };
    for (;; ++at_) {
      bool* flag = peek() == '-'   ? &directive.minus
                   : peek() == '+' ? &directive.plus
                   : peek() == '0' ? &directive.zero
                   : peek() == ' ' ? &directive.space
                   : peek() == '#' ? &directive.sharp
                                   : nullptr;
      if (flag == nullptr) break;
      *flag = true;
    }
    directive.width = number(format, &directive.minus);
    if (peek() == '.') {
      ++at_;
      directive.precision = number(format, nullptr).value_or(0);
    }
    directive.verb = peek();
    constexpr std::string_view kVerbs = "vsdqtfegxXc%";
    if (directive.verb == '\0' || kVerbs.find(directive.verb) == std::string_view::npos || directive.sharp) {
      give_up("printf: a verb is not one of %v %s %d %q %t %f %e %g %x %X %c %%");
    }
    ++at_;
    return directive;
  }

  // Digits or "*", which takes a value; a negative one means the other side.
  std::optional<size_t> number(const std::string& format, bool* negative) {
    if (at_ < format.size() && format[at_] == '*') {
      ++at_;
      const Datum& value = next('*');
      if (!value.is(Kind::kInteger) || std::abs(value.integer()) > kMaxWidth) {
        give_up("printf: {} is not a width or precision", described(value));
      }
      if (value.integer() < 0 && negative != nullptr) *negative = true;
      return static_cast<size_t>(std::abs(value.integer()));
    }
    size_t value = 0;
    const size_t begin = at_;
    for (; at_ < format.size() && format[at_] >= '0' && format[at_] <= '9'; ++at_) {
      value = value * 10 + static_cast<size_t>(format[at_] - '0');
      if (value > kMaxWidth) give_up("printf: a width or precision is over {}", kMaxWidth);
    }
    return at_ == begin ? std::nullopt : std::optional(value);
  }

  [[noreturn]] static void unfit(char verb, const Datum& value) {
    give_up("printf: %{} cannot write {}", verb, described(value));
  }

  void write(const Directive& directive, const Datum& value) {
    switch (directive.verb) {
      case 't':
        if (!value.is(Kind::kBool)) unfit('t', value);
        return pad(directive, text_of(value), false);
      case 'd':
        if (!value.is(Kind::kInteger)) unfit('d', value);
        return pad_number(directive, std::to_string(value.integer()));
      case 'f':
      case 'e':
      case 'g':
        if (!value.is(Kind::kFloat)) unfit(directive.verb, value);
        return pad_number(directive, real(directive, value.real()));
      case 'c':
        if (!value.is(Kind::kInteger) || value.integer() < 0 || value.integer() > 0x10FFFF) unfit('c', value);
        return pad(directive, character(value.integer()), false);
      case 'x':
      case 'X':
        return hexadecimal(directive, value);
      case 'q':
        if (!value.is_string()) unfit('q', value);
        return pad(directive, quoted(cut(directive, value.text())), value.text().any_untrusted());
      case 's':
        if (value.is_none() || value.is_number()) unfit('s', value);
        break;
      default:
        if (value.is_number() && !value.is(Kind::kBool)) return pad_number(directive, text_of(value).bytes);
        break;
    }
    pad(directive, value.is_string() ? cut(directive, value.text()) : text_of(value),
        value.is_string() && value.text().any_untrusted());
  }

  MarkedText text_of(const Datum& value) {
    TextBuilder out(run_.budget);
    print_nested(run_, out, value, "<nil>");
    return out.take();
  }

  static MarkedText character(int64_t code_point) {
    MarkedText text;
    jinja::append_utf8(text.bytes, static_cast<char32_t>(code_point));
    return text;
  }

  static std::string real(const Directive& directive, double value) {
    if (!std::isfinite(value)) return go_float(value);
    if (directive.verb == 'g' && !directive.precision) return go_float(value);
    const size_t precision = directive.precision.value_or(6);
    if (directive.verb == 'f') return fmt::format("{:.{}f}", value, precision);
    if (directive.verb == 'e') return fmt::format("{:.{}e}", value, precision);
    return fmt::format("{:.{}g}", value, precision);
  }

  // The first characters of a text, where the directive says how many.
  MarkedText cut(const Directive& directive, const MarkedText& text) {
    if (!directive.precision) return text;
    run_.budget.spend_characters(text.bytes.size());
    size_t end = 0;
    for (size_t i = 0; i < *directive.precision && end < text.bytes.size(); ++i) {
      end = jinja::code_point_at(text.bytes, end).end;
    }
    TextBuilder out(run_.budget);
    out.append(text, 0, end);
    return out.take();
  }

  MarkedText quoted(const MarkedText& text) {
    run_.budget.spend_characters(text.bytes.size());
    TextBuilder out(run_.budget);
    out.append("\"", false);
    constexpr std::string_view kPlain = "\a\b\f\n\r\t\v\\\"";
    constexpr std::string_view kLetters = "abfnrtv\\\"";
    for (size_t at = 0; at < text.bytes.size();) {
      const jinja::CodePoint c = jinja::code_point_at(text.bytes, at);
      const bool untrusted = text.is_untrusted(at);
      const size_t known = c.value < 0x80 ? kPlain.find(static_cast<char>(c.value)) : std::string_view::npos;
      if (known != std::string_view::npos) {
        out.append(std::string{'\\', kLetters[known]}, untrusted);
      } else if (c.value < 0x20 || c.value == 0x7F || c.value == jinja::kInvalid) {
        out.append(fmt::format("\\x{:02x}", static_cast<unsigned char>(text.bytes[at])), untrusted);
      } else {
        out.append(text, at, c.end);
      }
      at = c.end;
    }
    out.append("\"", false);
    return out.take();
  }

  void hexadecimal(const Directive& directive, const Datum& value) {
    const bool upper = directive.verb == 'X';
    if (value.is(Kind::kInteger)) {
      const uint64_t magnitude = value.integer() < 0 ? uint64_t{0} - static_cast<uint64_t>(value.integer())
                                                     : static_cast<uint64_t>(value.integer());
      const std::string sign = value.integer() < 0 ? "-" : "";
      return pad_number(directive,
                        sign + (upper ? fmt::format("{:X}", magnitude) : fmt::format("{:x}", magnitude)));
    }
    if (!value.is_string()) unfit(directive.verb, value);
    run_.budget.check_length(2 * value.bytes().size());
    MarkedText text;
    for (const char c : value.bytes()) {
      const auto byte = static_cast<unsigned char>(c);
      text.bytes += upper ? fmt::format("{:02X}", byte) : fmt::format("{:02x}", byte);
    }
    pad(directive, text, false);
  }

  void pad_number(const Directive& directive, std::string number) {
    if (number[0] != '-' && number[0] != '+') {
      if (directive.plus || directive.space) number.insert(0, directive.plus ? "+" : " ");
    }
    if (directive.zero && !directive.minus && directive.width && *directive.width > number.size()) {
      number.insert(std::isdigit(static_cast<unsigned char>(number[0])) ? 0 : 1,
                    *directive.width - number.size(), '0');
    }
    MarkedText text;
    text.bytes = std::move(number);
    pad(directive, text, false);
  }

  void pad(const Directive& directive, const MarkedText& text, bool untrusted) {
    const size_t length = directive.width ? jinja::code_point_count(text.bytes) : 0;
    const size_t fill = directive.width.value_or(0) > length ? *directive.width - length : 0;
    if (!directive.minus) out_.append_times(" ", fill, untrusted);
    out_.append(text);
    if (directive.minus) out_.append_times(" ", fill, untrusted);
  }

  static constexpr int64_t kMaxWidth = 1'000'000;  // as in Go

  Run& run_;
  const std::vector<Datum>& values_;
  TextBuilder out_;
  size_t at_ = 0;
  size_t next_ = 1;
};

}  // namespace

void print(Run& run, TextBuilder& out, const Datum& value) {
  print_nested(run, out, value, "<no value>");
}

void print_json(Run& run, TextBuilder& out, const Datum& value) {
  Budget::Level level(run.budget);
  run.budget.spend();
  switch (value.kind()) {
    case Kind::kBool:
      return out.append(value.integer() != 0 ? "true" : "false", false);
    case Kind::kInteger:
      return out.append(std::to_string(value.integer()), false);
    case Kind::kFloat:
      if (!std::isfinite(value.real())) give_up("json: {} is not a number of JSON", value.real());
      return out.append(shortest(value.real(), -6, 21, true), false);
    case Kind::kString:
      return print_json_string(run, out, value.text());
    case Kind::kList:
      out.append("[", false);
      for (size_t i = 0; i < value.items().size(); ++i) {
        if (i != 0) out.append(",", false);
        print_json(run, out, value.items()[i]);
      }
      return out.append("]", false);
    case Kind::kDict: {
      out.append("{", false);
      bool first = true;
      for (const auto& [key, item] : value.dict().entries) {
        if (!std::exchange(first, false)) out.append(",", false);
        print_json_string(run, out, key.text());
        out.append(":", false);
        print_json(run, out, item);
      }
      return out.append("}", false);
    }
    default:
      return out.append("null", false);
  }
}

// Spaces only between two things that are no strings.
Datum print_all(Run& run, const std::vector<Datum>& values) {
  TextBuilder out(run.budget);
  for (size_t i = 0; i < values.size(); ++i) {
    if (i != 0 && !values[i].is_string() && !values[i - 1].is_string()) out.append(" ", false);
    print_nested(run, out, values[i], "<nil>");
  }
  return run.heap.text(out.take());
}

Datum print_line(Run& run, const std::vector<Datum>& values) {
  TextBuilder out(run.budget);
  for (size_t i = 0; i < values.size(); ++i) {
    if (i != 0) out.append(" ", false);
    print_nested(run, out, values[i], "<nil>");
  }
  out.append("\n", false);
  return run.heap.text(out.take());
}

Datum print_format(Run& run, const std::vector<Datum>& values) {
  return Formatter(run, values).run();
}

std::string_view described(const Datum& value) {
  switch (value.kind()) {
    case Kind::kBool:
      return "a boolean";
    case Kind::kInteger:
      return "an integer";
    case Kind::kFloat:
      return "a number";
    case Kind::kString:
      return "a string";
    case Kind::kList:
      return "a list";
    case Kind::kDict:
      return "a mapping";
    default:
      return "nil";
  }
}

}  // namespace hearth::text::go_template
