// tojson and from_json, as json.dumps and json.loads do it.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "text/jinja/interpreter.h"
#include "text/jinja/operations.h"
#include "text/jinja/printing.h"

namespace hearth::text::jinja {

namespace {

class JsonWriter {
 public:
  JsonWriter(Interpreter& interpreter, const JsonStyle& style)
      : interpreter_(interpreter), style_(style), out_(interpreter.budget()) {}

  Datum run(const Datum& value) {
    write(value);
    return interpreter_.heap().text(out_.take());
  }

 private:
  void literal(std::string_view text) { out_.append(text, false); }

  void write(const Datum& value) {
    Budget::Level level(interpreter_.budget());
    interpreter_.budget().spend();
    switch (value.kind()) {
      case Kind::kNone:
        literal("null");
        return;
      case Kind::kBool:
        literal(value.integer() != 0 ? "true" : "false");
        return;
      case Kind::kInteger:
        literal(std::to_string(value.integer()));
        return;
      case Kind::kFloat:
        literal(number(value.real()));
        return;
      case Kind::kString:
        string(value.text());
        return;
      case Kind::kList:
      case Kind::kTuple:
        array(value.items());
        return;
      case Kind::kIterator:  // json.dumps refuses these; templates written for llama.cpp count on a list
        array(iterate(interpreter_, value));
        return;
      case Kind::kDict:
        object(value.dict());
        return;
      case Kind::kUndefined:
        fail_undefined(value);
      default:
        give_up("{} cannot be written as JSON", type_name(value));
    }
  }

  static std::string number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    return float_repr(value);
  }

  void new_line() {
    if (!style_.pretty) return;
    literal("\n");
    out_.append_times(style_.indent, nesting_, style_.untrusted_layout);
  }

  void array(const std::vector<Datum>& items) {
    literal("[");
    ++nesting_;
    for (size_t i = 0; i < items.size(); ++i) {
      if (i != 0) out_.append(style_.item_separator, style_.untrusted_layout);
      new_line();
      write(items[i]);
    }
    --nesting_;
    if (!items.empty()) new_line();
    literal("]");
  }

  void object(DictObject& dict) {
    std::vector<const std::pair<Datum, Datum>*> entries;
    for (const auto& entry : dict.entries) entries.push_back(&entry);
    if (style_.sort_keys) {
      interpreter_.budget().spend(entries.size() * 8);
      std::stable_sort(entries.begin(), entries.end(),
                       [&](auto* a, auto* b) { return compare(interpreter_, a->first, b->first) < 0; });
    }
    literal("{");
    ++nesting_;
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i != 0) out_.append(style_.item_separator, style_.untrusted_layout);
      new_line();
      key(entries[i]->first);
      out_.append(style_.key_separator, style_.untrusted_layout);
      write(entries[i]->second);
    }
    --nesting_;
    if (!entries.empty()) new_line();
    literal("}");
  }

  void key(const Datum& value) {
    switch (value.kind()) {
      case Kind::kString:
        string(value.text());
        return;
      case Kind::kNone:
        literal("\"null\"");
        return;
      case Kind::kBool:
        literal(value.integer() != 0 ? "\"true\"" : "\"false\"");
        return;
      case Kind::kInteger:
        literal(fmt::format("\"{}\"", value.integer()));
        return;
      case Kind::kFloat:
        literal(fmt::format("\"{}\"", number(value.real())));
        return;
      default:
        give_up("{} cannot be a key in JSON", type_name(value));
    }
  }

  std::string escape(const CodePoint& c) const {
    switch (c.value) {
      case '"':
        return "\\\"";
      case '\\':
        return "\\\\";
      case '\n':
        return "\\n";
      case '\r':
        return "\\r";
      case '\t':
        return "\\t";
      case '\f':
        return "\\f";
      case '\b':
        return "\\b";
      default:
        break;
    }
    if (c.value < 0x20) return fmt::format("\\u{:04x}", static_cast<uint32_t>(c.value));
    if (!style_.ensure_ascii || c.value < 0x7F || c.value == kInvalid) return "";
    if (c.value < 0x10000) return fmt::format("\\u{:04x}", static_cast<uint32_t>(c.value));
    uint32_t high = 0xD800 + ((static_cast<uint32_t>(c.value) - 0x10000) >> 10);
    uint32_t low = 0xDC00 + ((static_cast<uint32_t>(c.value) - 0x10000) & 0x3FF);
    return fmt::format("\\u{:04x}\\u{:04x}", high, low);
  }

  void string(const MarkedText& text) {
    interpreter_.budget().spend_characters(text.bytes.size());
    literal("\"");
    size_t done = 0;
    for (size_t at = 0; at < text.bytes.size();) {
      CodePoint c = code_point_at(text.bytes, at);
      std::string replacement = escape(c);
      if (!replacement.empty()) {
        out_.append(text, done, at);
        out_.append(replacement, text.is_untrusted(at));
        done = c.end;
      }
      at = c.end;
    }
    out_.append(text, done, text.bytes.size());
    literal("\"");
  }

  Interpreter& interpreter_;
  const JsonStyle& style_;
  TextBuilder out_;
  size_t nesting_ = 0;
};

// Builds values while the parser walks; refuses to nest deeper than the budget.
class JsonReader {
 public:
  using Json = nlohmann::ordered_json;
  using number_integer_t = Json::number_integer_t;
  using number_unsigned_t = Json::number_unsigned_t;
  using number_float_t = Json::number_float_t;
  using string_t = Json::string_t;
  using binary_t = Json::binary_t;

  JsonReader(Interpreter& interpreter, bool untrusted) : interpreter_(interpreter), untrusted_(untrusted) {}

  Datum result;

  bool null() { return add(Datum::none()); }
  bool boolean(bool b) { return add(Datum::boolean(b)); }
  bool number_integer(number_integer_t i) { return add(Datum::integer(i)); }
  bool number_unsigned(number_unsigned_t u) {
    if (u > INT64_MAX) return add(Datum::real(static_cast<double>(u)));
    return add(Datum::integer(static_cast<int64_t>(u)));
  }
  bool number_float(number_float_t r, const string_t&) { return add(Datum::real(r)); }
  bool string(string_t& s) { return add(interpreter_.heap().text(s, untrusted_)); }
  bool binary(binary_t&) { return false; }
  bool start_object(size_t) { return open(interpreter_.heap().dict()); }
  bool start_array(size_t) { return open(interpreter_.heap().list()); }
  bool key(string_t& s) {
    keys_.back() = interpreter_.heap().text(s, untrusted_);
    return true;
  }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) {
    give_up("from_json: not valid JSON at byte {}", position);
  }

 private:
  static constexpr size_t kMaxDepth = 200;

  bool add(Datum value) {
    interpreter_.budget().spend();
    if (open_.empty()) {
      result = std::move(value);
    } else if (open_.back().is(Kind::kList)) {
      interpreter_.heap().append(open_.back(), std::move(value));
    } else {
      interpreter_.heap().set(open_.back().dict(), keys_.back(), std::move(value));
    }
    return true;
  }
  bool open(Datum container) {
    if (open_.size() >= kMaxDepth) give_up("from_json: nested deeper than {} levels", kMaxDepth);
    add(container);
    open_.push_back(container);
    keys_.emplace_back();
    return true;
  }
  bool close() {
    open_.pop_back();
    keys_.pop_back();
    return true;
  }

  Interpreter& interpreter_;
  bool untrusted_;
  std::vector<Datum> open_;
  std::vector<Datum> keys_;
};

}  // namespace

Datum to_json(Interpreter& interpreter, const Datum& value, const JsonStyle& style) {
  return JsonWriter(interpreter, style).run(value);
}

Datum from_json(Interpreter& interpreter, const Datum& value) {
  if (value.is_undefined()) fail_undefined(value);
  if (!value.is_string()) give_up("from_json needs a string, not {}", type_name(value));
  interpreter.budget().spend_characters(2 * value.bytes().size());
  JsonReader reader(interpreter, value.text().any_untrusted());
  nlohmann::ordered_json::sax_parse(value.bytes(), &reader);
  return reader.result;
}

}  // namespace hearth::text::jinja
