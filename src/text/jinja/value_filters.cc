// Filters that work on any value: defaults, numbers, JSON.
#include <charconv>
#include <cmath>

#include "text/jinja/filters.h"
#include "text/jinja/operations.h"
#include "text/jinja/printing.h"

namespace hearth::text::jinja {

namespace {

Datum fallback(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("default", 0, 2, {"default_value", "boolean"});
  const Datum* other = arguments.find(0, "default_value");
  const Datum* boolean = arguments.find(1, "boolean");
  bool replaced = value.is_undefined() || (boolean != nullptr && truthy(*boolean) && !truthy(value));
  if (!replaced) return value;
  return other == nullptr ? interpreter.heap().text("") : *other;
}

Datum attr(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("attr", 1, 1, {"name"});
  const Datum* name = arguments.find(0, "name");
  if (name == nullptr || !name->is_string()) give_up("attr needs a name");
  if (value.is(Kind::kDict)) return find_method(interpreter, value, name->bytes());
  Datum result = attribute(interpreter, value, name->bytes());
  return result.is_undefined() ? Datum() : result;
}

std::optional<double> parse_real(std::string_view text) {
  while (!text.empty() && is_space(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && is_space(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  double real = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), real);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return real;
}

std::optional<int64_t> parse_integer(std::string_view text, int base) {
  while (!text.empty() && is_space(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && is_space(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  if (base == 16 && (text.starts_with("0x") || text.starts_with("0X"))) text.remove_prefix(2);
  if (base == 8 && (text.starts_with("0o") || text.starts_with("0O"))) text.remove_prefix(2);
  if (base == 2 && (text.starts_with("0b") || text.starts_with("0B"))) text.remove_prefix(2);
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error == std::errc::result_out_of_range && end == text.data() + text.size())
    give_up("integer overflow");
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<int64_t> truncated(double real) {
  if (!(std::abs(real) < 9.2e18)) return std::nullopt;
  return static_cast<int64_t>(real);
}

Datum to_integer(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("int", 0, 2, {"default", "base"});
  const Datum* other = arguments.find(0, "default");
  const Datum* base_argument = arguments.find(1, "base");
  int64_t base = base_argument == nullptr ? 10 : expect_integer(*base_argument, "base");
  if (base < 2 || base > 36) give_up("int: base must be between 2 and 36");
  std::optional<int64_t> result;
  if (value.is_undefined()) fail_undefined(value);
  if (value.is_integral()) result = value.integer();
  if (value.is(Kind::kFloat)) result = truncated(value.real());
  if (value.is_string()) {
    interpreter.budget().spend(value.bytes().size());
    result = parse_integer(value.bytes(), static_cast<int>(base));
    if (!result) {
      if (auto real = parse_real(value.bytes())) result = truncated(*real);
    }
  }
  if (result) return Datum::integer(*result);
  return other == nullptr ? Datum::integer(0) : *other;
}

Datum to_real(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("float", 0, 1, {"default"});
  const Datum* other = arguments.find(0, "default");
  if (value.is_undefined()) fail_undefined(value);
  if (value.is_number()) return Datum::real(value.number());
  if (value.is_string()) {
    interpreter.budget().spend(value.bytes().size());
    if (auto real = parse_real(value.bytes())) return Datum::real(*real);
  }
  return other == nullptr ? Datum::real(0) : *other;
}

Datum absolute(Interpreter&, const Datum& value, Arguments& arguments) {
  arguments.expect("abs", 0, 0);
  if (value.is_undefined()) fail_undefined(value);
  if (!value.is_number()) give_up("abs needs a number, not {}", type_name(value));
  return value.number() < 0 ? negate(value) : value.is(Kind::kBool) ? Datum::integer(value.integer()) : value;
}

Datum round(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("round", 0, 2, {"precision", "method"});
  if (value.is_undefined()) fail_undefined(value);
  if (!value.is_number()) give_up("round needs a number, not {}", type_name(value));
  const Datum* precision_argument = arguments.find(0, "precision");
  const Datum* method_argument = arguments.find(1, "method");
  int64_t precision = precision_argument == nullptr ? 0 : expect_integer(*precision_argument, "precision");
  std::string method = method_argument == nullptr ? "common" : to_text(interpreter, *method_argument).bytes();
  if (precision < -300 || precision > 300) give_up("round: precision out of range");
  if (method == "common") {
    if (value.is_integral() && precision >= 0) return Datum::integer(value.integer());
    if (precision >= 0) {
      // Through decimal text, as Python rounds: to the nearest, by the exact value.
      auto rounded = parse_real(fmt::format("{:.{}f}", value.number(), precision));
      return Datum::real(rounded.value_or(value.number()));
    }
    double scale = std::pow(10.0, static_cast<double>(-precision));
    double result = std::nearbyint(value.number() / scale) * scale;
    return value.is_integral() ? Datum::integer(truncated(result).value_or(0)) : Datum::real(result);
  }
  double scale = std::pow(10.0, static_cast<double>(precision));
  if (method == "ceil") return Datum::real(std::ceil(value.number() * scale) / scale);
  if (method == "floor") return Datum::real(std::floor(value.number() * scale) / scale);
  give_up("round: the method is common, ceil or floor");
}

Datum tojson(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("tojson", 0, 4, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  if (const Datum* ascii = arguments.find(0, "ensure_ascii")) style.ensure_ascii = truthy(*ascii);
  if (const Datum* indent = arguments.find(1, "indent"); indent != nullptr && !indent->is_none()) {
    style.pretty = true;
    style.item_separator.assign(1, ',');
    if (indent->is_string()) {
      style.indent = indent->bytes();
      style.untrusted_layout = indent->text().any_untrusted();
    } else {
      int64_t n = expect_integer(*indent, "indent");
      if (n > 1000) give_up("indent is too large");
      style.indent.assign(static_cast<size_t>(std::max<int64_t>(n, 0)), ' ');
    }
  }
  if (const Datum* separators = arguments.find(2, "separators");
      separators != nullptr && !separators->is_none()) {
    std::vector<Datum> parts = iterate(interpreter, *separators);
    if (parts.size() != 2 || !parts[0].is_string() || !parts[1].is_string()) {
      give_up("separators must be two strings");
    }
    style.item_separator = parts[0].bytes();
    style.key_separator = parts[1].bytes();
    style.untrusted_layout |= parts[0].text().any_untrusted() || parts[1].text().any_untrusted();
  }
  if (const Datum* sort = arguments.find(3, "sort_keys")) style.sort_keys = truthy(*sort);
  return to_json(interpreter, value, style);
}

Datum fromjson(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("from_json", 0, 0);
  return from_json(interpreter, value);
}

}  // namespace

Filter find_value_filter(std::string_view name) {
  static constexpr std::pair<std::string_view, Filter> kFilters[] = {
      {"abs", absolute},  {"attr", attr},          {"d", fallback},        {"default", fallback},
      {"float", to_real}, {"from_json", fromjson}, {"fromjson", fromjson}, {"int", to_integer},
      {"round", round},   {"tojson", tojson},
  };
  for (auto [known, filter] : kFilters) {
    if (known == name) return filter;
  }
  return nullptr;
}

Filter find_filter(std::string_view name) {
  if (Filter filter = find_text_filter(name)) return filter;
  if (Filter filter = find_sequence_filter(name)) return filter;
  return find_value_filter(name);
}

}  // namespace hearth::text::jinja
