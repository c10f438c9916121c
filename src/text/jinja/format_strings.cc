// "%s" % value and "{}".format(value).
#include <cmath>

#include "text/jinja/interpreter.h"
#include "text/jinja/operations.h"
#include "text/jinja/printing.h"

namespace hearth::text::jinja {

namespace {

struct FieldStyle {
  std::string fill = " ";
  bool fill_untrusted = false;
  char align = 0;  // < > ^ =; 0 for the type's own
  char sign = '-';
  bool alternate = false;
  char grouping = 0;
  size_t width = 0;
  int precision = -1;
  char type = 0;
};

size_t read_number(std::string_view text, size_t& at) {
  size_t value = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    value = value * 10 + static_cast<size_t>(text[at++] - '0');
    if (value > 1'000'000) give_up("a width in a format string is too large");
  }
  return value;
}

FieldStyle read_style(std::string_view spec) {
  FieldStyle style;
  size_t at = 0;
  auto is_align = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
  if (!spec.empty()) {
    CodePoint first = code_point_at(spec, 0);
    if (first.end < spec.size() && is_align(spec[first.end])) {
      style.fill = spec.substr(0, first.end);
      style.align = spec[first.end];
      at = first.end + 1;
    } else if (is_align(spec[0])) {
      style.align = spec[0];
      at = 1;
    }
  }
  auto take = [&](std::string_view any) {
    return at < spec.size() && any.find(spec[at]) != any.npos ? spec[at++] : 0;
  };
  if (char sign = take("+- ")) style.sign = sign;
  style.alternate = take("#") != 0;
  if (take("0") != 0 && style.align == 0) {
    style.fill = "0";
    style.align = '=';
  }
  style.width = read_number(spec, at);
  style.grouping = take(",_");
  if (take(".") != 0) style.precision = static_cast<int>(read_number(spec, at));
  style.type = take("sdbcoxXneEfFgG%");
  if (at != spec.size()) give_up("invalid format specification '{}'", spec);
  return style;
}

std::string grouped(const std::string& digits, char separator) {
  size_t whole = 0;
  while (whole < digits.size() && digits[whole] >= '0' && digits[whole] <= '9') ++whole;
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && i < whole && (whole - i) % 3 == 0) out += separator;
    out += digits[i];
  }
  return out;
}

std::string unsigned_digits(uint64_t value, char type) {
  switch (type) {
    case 'b':
      return fmt::format("{:b}", value);
    case 'o':
      return fmt::format("{:o}", value);
    case 'x':
      return fmt::format("{:x}", value);
    case 'X':
      return fmt::format("{:X}", value);
    default:
      return std::to_string(value);
  }
}

std::string float_digits(double value, const FieldStyle& style) {
  if (style.precision > 300) give_up("a precision in a format string is too large");
  int precision = style.precision < 0 ? 6 : style.precision;
  switch (style.type) {
    case 'e':
      return fmt::format("{:.{}e}", value, precision);
    case 'E':
      return fmt::format("{:.{}E}", value, precision);
    case 'f':
    case 'F':
      return fmt::format("{:.{}f}", value, precision);
    case 'g':
    case 'n':
      return fmt::format("{:.{}g}", value, precision == 0 ? 1 : precision);
    case 'G':
      return fmt::format("{:.{}G}", value, precision == 0 ? 1 : precision);
    case '%':
      return fmt::format("{:.{}f}%", value * 100, precision);
    default:
      return style.precision < 0 ? float_repr(value) : fmt::format("{:.{}g}", value, style.precision);
  }
}

void pad(TextBuilder& out, const FieldStyle& style, char default_align, std::string_view sign,
         const MarkedText& body) {
  size_t length = code_point_count(body.bytes) + sign.size();
  size_t missing = style.width > length ? style.width - length : 0;
  char align = style.align == 0 ? default_align : style.align;
  size_t before = align == '>' ? missing : align == '^' ? missing / 2 : 0;
  out.append_times(style.fill, before, style.fill_untrusted);
  out.append(sign, false);
  if (align == '=') out.append_times(style.fill, missing, style.fill_untrusted);
  out.append(body);
  if (align == '<' || align == '^') out.append_times(style.fill, missing - before, style.fill_untrusted);
}

void put_number(TextBuilder& out, const Datum& value, const FieldStyle& style) {
  std::string digits;
  bool negative;
  if (value.is_integral() &&
      (style.type == 0 || std::string_view("dboxXn").find(style.type) != std::string::npos)) {
    negative = value.integer() < 0;
    uint64_t magnitude =
        negative ? 0 - static_cast<uint64_t>(value.integer()) : static_cast<uint64_t>(value.integer());
    digits = unsigned_digits(magnitude, style.type);
    if (style.alternate && style.type != 0 && style.type != 'd')
      digits = fmt::format("0{}{}", style.type, digits);
  } else {
    double real = value.number();
    negative = std::signbit(real) && !std::isnan(real);
    digits = float_digits(std::abs(real), style);
  }
  if (style.grouping != 0) digits = grouped(digits, style.grouping);
  std::string_view sign = negative ? "-" : style.sign == '+' ? "+" : style.sign == ' ' ? " " : "";
  MarkedText body;
  body.bytes = std::move(digits);
  pad(out, style, '>', sign, body);
}

void put_text(Interpreter& interpreter, TextBuilder& out, const Datum& value, const FieldStyle& style) {
  Datum text = to_text(interpreter, value);
  if (style.precision >= 0) {
    text = slice(interpreter, text, Datum::none(), Datum::integer(style.precision), Datum::none());
  }
  pad(out, style, '<', "", text.text());
}

Datum repr(Interpreter& interpreter, const Datum& value) {
  TextBuilder out(interpreter.budget());
  print_repr(interpreter, out, value);
  return interpreter.heap().text(out.take());
}

}  // namespace

Datum percent_format(Interpreter& interpreter, const Datum& format, const Datum& value) {
  const MarkedText& text = format.text();
  std::string_view bytes = text.bytes;
  TextBuilder out(interpreter.budget());
  size_t used = 0;
  auto next_value = [&]() -> Datum {
    if (value.is(Kind::kTuple)) {
      if (used >= value.items().size()) give_up("too few values for a format string");
      return value.items()[used++];
    }
    if (used++ > 0) give_up("too few values for a format string");
    return value;
  };
  size_t at = 0;
  while (at < bytes.size()) {
    size_t percent = std::min(bytes.find('%', at), bytes.size());
    out.append(text, at, percent);
    if (percent == bytes.size()) break;
    at = percent + 1;
    interpreter.budget().spend();
    std::optional<Datum> named;
    if (at < bytes.size() && bytes[at] == '(') {
      size_t close = bytes.find(')', at);
      if (close == bytes.npos || !value.is(Kind::kDict)) give_up("a format string needs a mapping");
      Datum* found = value.dict().find(bytes.substr(at + 1, close - at - 1));
      if (found == nullptr) give_up("a format string names a missing key");
      named = *found;
      used = 1;
      at = close + 1;
    }
    FieldStyle style;
    style.align = '>';
    for (; at < bytes.size() && std::string_view("#0- +").find(bytes[at]) != std::string::npos; ++at) {
      char flag = bytes[at];
      if (flag == '-') style.align = '<';
      if (flag == '0' && style.align != '<') style.fill = "0", style.align = '=';
      if (flag == '+' || (flag == ' ' && style.sign != '+')) style.sign = flag;
      if (flag == '#') style.alternate = true;
    }
    style.width = read_number(bytes, at);
    if (at < bytes.size() && bytes[at] == '.') style.precision = static_cast<int>(read_number(bytes, ++at));
    while (at < bytes.size() && (bytes[at] == 'l' || bytes[at] == 'h')) ++at;
    if (at >= bytes.size()) give_up("a format string ends within a field");
    style.type = bytes[at++];
    if (style.type == '%') {
      out.append(text, at - 1, at);
      continue;
    }
    Datum item = named ? *named : next_value();
    bool numeric = std::string_view("diuxXoeEfFgG").find(style.type) != std::string::npos;
    if (style.type == 's' || style.type == 'r' || style.type == 'a') {
      if (style.fill == "0") style.fill = " ", style.align = '>';
      put_text(interpreter, out, style.type == 's' ? item : repr(interpreter, item), style);
    } else if (numeric) {
      if (item.is_undefined()) fail_undefined(item);
      if (!item.is_number()) give_up("%{} needs a number, not {}", style.type, type_name(item));
      bool integral = std::string_view("diuxXo").find(style.type) != std::string::npos;
      if (style.type == 'i' || style.type == 'u') style.type = 'd';
      if (integral && item.is(Kind::kFloat)) {
        if (!(std::abs(item.real()) < 9e18)) give_up("a number is too large for a format string");
        item = Datum::integer(static_cast<int64_t>(item.real()));
      }
      put_number(out, item, style);
    } else {
      give_up("unsupported format character '{}'", style.type);
    }
  }
  // A list counts as a mapping here, and a mapping need not be used up.
  bool mapping =
      value.is(Kind::kDict) || value.is(Kind::kList) || value.is(Kind::kRange) || value.is_undefined();
  size_t given = value.is(Kind::kTuple) ? value.items().size() : mapping ? used : 1;
  if (used < given) give_up("not all values are used by a format string");
  MarkedText result = out.take();
  return interpreter.heap().text(std::move(result));
}

namespace {

class BraceFormatter {
 public:
  BraceFormatter(Interpreter& interpreter, const MarkedText& format, const Arguments& arguments)
      : interpreter_(interpreter), format_(format), arguments_(arguments), out_(interpreter.budget()) {}

  Datum run() {
    std::string_view bytes = format_.bytes;
    size_t at = 0;
    while (at < bytes.size()) {
      size_t brace = std::min(bytes.find_first_of("{}", at), bytes.size());
      out_.append(format_, at, brace);
      if (brace == bytes.size()) break;
      if (brace + 1 < bytes.size() && bytes[brace + 1] == bytes[brace]) {
        out_.append(format_, brace, brace + 1);
        at = brace + 2;
        continue;
      }
      if (bytes[brace] == '}') give_up("single '}}' in a format string");
      size_t close = closing(bytes, brace + 1);
      field(bytes.substr(brace + 1, close - brace - 1));
      at = close + 1;
    }
    MarkedText result = out_.take();
    return interpreter_.heap().text(std::move(result));
  }

 private:
  static size_t closing(std::string_view bytes, size_t at) {
    size_t open = 1;
    for (; at < bytes.size(); ++at) {
      if (bytes[at] == '{') ++open;
      if (bytes[at] == '}' && --open == 0) return at;
    }
    give_up("'{{' is not closed in a format string");
  }

  void field(std::string_view text) {
    interpreter_.budget().spend();
    size_t colon = std::min(text.find(':'), text.size());
    std::string_view name = text.substr(0, colon);
    std::string spec(text.substr(std::min(colon + 1, text.size())));
    if (spec.find('{') != std::string::npos) spec = nested_spec(spec);
    char conversion = 0;
    if (size_t bang = name.find('!'); bang != name.npos) {
      if (bang + 2 != name.size()) give_up("invalid conversion in a format string");
      conversion = name[bang + 1];
      name = name.substr(0, bang);
    }
    Datum value = resolve(name);
    if (conversion == 'r' || conversion == 'a') value = repr(interpreter_, value);
    if (conversion == 's') value = to_text(interpreter_, value);
    FieldStyle style = read_style(spec);
    style.fill_untrusted = format_.any_untrusted();
    if (value.is_number() && !(value.is(Kind::kBool) && spec.empty())) {
      if (style.type == 's') give_up("format type 's' with a number");
      put_number(out_, value, style);
      return;
    }
    if (style.type != 0 && style.type != 's')
      give_up("format type '{}' with {}", style.type, type_name(value));
    put_text(interpreter_, out_, value, style);
  }

  std::string nested_spec(std::string_view spec) {
    std::string out;
    for (size_t at = 0; at < spec.size();) {
      if (spec[at] != '{') {
        out += spec[at++];
        continue;
      }
      size_t close = spec.find('}', at);
      if (close == spec.npos) give_up("'{{' is not closed in a format string");
      out += to_text(interpreter_, resolve(spec.substr(at + 1, close - at - 1))).bytes();
      at = close + 1;
    }
    return out;
  }

  Datum resolve(std::string_view name) {
    size_t end = std::min(name.find_first_of(".["), name.size());
    std::string_view first = name.substr(0, end);
    Datum value;
    bool numeric = !first.empty() && first.find_first_not_of("0123456789") == first.npos;
    if (first.empty() || numeric) {
      size_t at = 0;
      size_t index = first.empty() ? next_++ : read_number(first, at);
      if (index >= arguments_.positional.size()) give_up("too few values for a format string");
      value = arguments_.positional[index];
    } else {
      const Datum* found = arguments_.find(SIZE_MAX, first);
      if (found == nullptr) give_up("a format string names a missing value '{}'", first);
      value = *found;
    }
    while (end < name.size()) {
      bool bracket = name[end] == '[';
      size_t stop = bracket ? name.find(']', end) : std::min(name.find_first_of(".[", end + 1), name.size());
      if (stop == name.npos) give_up("'[' is not closed in a format string");
      std::string_view part = name.substr(end + 1, stop - end - 1);
      bool index = bracket && !part.empty() && part.find_first_not_of("0123456789") == part.npos;
      size_t at = 0;
      value = subscript(interpreter_, value,
                        index ? Datum::integer(static_cast<int64_t>(read_number(part, at)))
                              : interpreter_.heap().text(part));
      end = bracket ? stop + 1 : stop;
    }
    return value;
  }

  Interpreter& interpreter_;
  const MarkedText& format_;
  const Arguments& arguments_;
  TextBuilder out_;
  size_t next_ = 0;
};

}  // namespace

Datum brace_format(Interpreter& interpreter, const Datum& format, const Arguments& arguments) {
  return BraceFormatter(interpreter, format.text(), arguments).run();
}

}  // namespace hearth::text::jinja
