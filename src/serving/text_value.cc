#include "serving/text_value.h"

#include <cmath>

#include <fmt/format.h>

namespace hearth::serving {
namespace {

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void append_json(std::string& out, const text::Value& value) {
  if (value.is_bool()) {
    out += value.as_bool() ? "true" : "false";
  } else if (value.is_integer()) {
    out += std::to_string(value.as_integer());
  } else if (value.is_float()) {
    const double number = value.as_float();
    out += std::isfinite(number) ? fmt::format("{}", number) : "null";
  } else if (value.is_string()) {
    append_quoted(out, value.as_string().text);
  } else if (value.is_list()) {
    out += '[';
    bool first = true;
    for (const text::Value& item : value.as_list()) {
      if (!first) out += ", ";
      first = false;
      append_json(out, item);
    }
    out += ']';
  } else if (value.is_map()) {
    out += '{';
    bool first = true;
    for (const auto& [key, item] : value.as_map()) {
      if (!first) out += ", ";
      first = false;
      append_quoted(out, key);
      out += ": ";
      append_json(out, item);
    }
    out += '}';
  } else {
    out += "null";
  }
}

}  // namespace

text::Value as_untrusted(const text::Value& value) {
  if (value.is_string()) return text::Value::untrusted(value.as_string().text);
  if (value.is_list()) {
    text::ValueList items;
    items.reserve(value.as_list().size());
    for (const text::Value& item : value.as_list()) items.push_back(as_untrusted(item));
    return text::Value::list(std::move(items));
  }
  if (value.is_map()) {
    text::ValueMap items;
    items.reserve(value.as_map().size());
    for (const auto& [key, item] : value.as_map()) items.emplace_back(key, as_untrusted(item));
    return text::Value::map(std::move(items));
  }
  return value;
}

std::string to_json(const text::Value& value) {
  std::string out;
  append_json(out, value);
  return out;
}

}  // namespace hearth::serving
