// Filters that work on text.
#include <algorithm>

#include "text/jinja/filters.h"
#include "text/jinja/methods.h"
#include "text/jinja/operations.h"
#include "text/jinja/printing.h"

namespace hearth::text::jinja {

namespace {

template <LetterCase kCase>
Datum change_case(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("a filter for letter case", 0, 0);
  Datum text = to_text(interpreter, value);
  MarkedText result = with_case(interpreter, text.text(), kCase);
  result.markup = text.text().markup;
  return interpreter.heap().text(std::move(result));
}

// Each word begins with a capital; words are parted by space, hyphens and opening brackets.
Datum title(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("title", 0, 0);
  Datum text = to_text(interpreter, value);
  const MarkedText& source = text.text();
  TextBuilder out(interpreter.budget());
  interpreter.budget().spend_characters(4 * source.bytes.size());
  size_t begin = 0;
  auto put_word = [&](size_t end) {
    if (begin == end) return;
    TextBuilder word(interpreter.budget());
    word.append(source, begin, end);
    out.append(with_case(interpreter, word.take(), LetterCase::kCapitalize));
  };
  for (size_t at = 0; at < source.bytes.size();) {
    CodePoint c = code_point_at(source.bytes, at);
    bool parts = is_space(c.value) || c.value == '-' || c.value == '(' || c.value == '{' || c.value == '[' ||
                 c.value == '<';
    at = c.end;
    if (!parts) continue;
    put_word(c.begin);
    out.append(source, c.begin, c.end);
    begin = c.end;
  }
  put_word(source.bytes.size());
  return interpreter.heap().text(out.take());
}

Datum trim(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("trim", 0, 1, {"chars"});
  Datum text = to_text(interpreter, value);
  const Datum* chars = arguments.find(0, "chars");
  if (chars != nullptr && chars->is_none()) chars = nullptr;
  if (chars != nullptr && !chars->is_string()) give_up("trim needs a string");
  return strip_text(interpreter, text.text(), chars == nullptr ? nullptr : &chars->text(), true, true);
}

Datum replace(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("replace", 2, 3, {"old", "new", "count"});
  const Datum* from = arguments.find(0, "old");
  const Datum* to = arguments.find(1, "new");
  const Datum* count = arguments.find(2, "count");
  if (from == nullptr || to == nullptr) give_up("replace needs what to replace and with what");
  Datum text = to_text(interpreter, value);
  return interpreter.heap().text(replace_text(
      interpreter, text.text(), to_text(interpreter, *from).text(), to_text(interpreter, *to).text(),
      count == nullptr || count->is_none() ? -1 : expect_integer(*count, "count")));
}

Datum string(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("string", 0, 0);
  return to_text(interpreter, value);
}

Datum as_markup(Interpreter& interpreter, const MarkedText& text) {
  TextBuilder out(interpreter.budget());
  out.append(text);
  MarkedText result = out.take();
  result.markup = true;
  return interpreter.heap().text(std::move(result));
}

Datum safe(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("safe", 0, 0);
  return as_markup(interpreter, to_text(interpreter, value).text());
}

template <bool kForce>
Datum escape(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("escape", 0, 0);
  Datum text = to_text(interpreter, value);
  if (text.text().markup && !kForce) return text;
  return interpreter.heap().text(escape_html(interpreter.budget(), text.text()));
}

Datum indent(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("indent", 0, 3, {"width", "first", "blank"});
  const Datum* width = arguments.find(0, "width");
  const Datum* first = arguments.find(1, "first");
  const Datum* blank = arguments.find(2, "blank");
  if (value.is_undefined()) fail_undefined(value);
  if (!value.is_string()) give_up("indent needs a string, not {}", type_name(value));
  TextBuilder prefix_builder(interpreter.budget());
  if (width != nullptr && width->is_string()) {
    prefix_builder.append(width->text());
  } else {
    int64_t n = width == nullptr ? 4 : expect_integer(*width, "a width");
    prefix_builder.append_times(" ", n > 0 ? static_cast<size_t>(n) : 0, false);
  }
  MarkedText prefix = prefix_builder.take();
  // Like s + "\n": a text that ends with a newline keeps it.
  TextBuilder whole(interpreter.budget());
  whole.append(value.text());
  whole.append("\n", false);
  std::vector<Datum> lines = split_lines(interpreter, whole.take(), false);
  TextBuilder out(interpreter.budget());
  for (size_t i = 0; i < lines.size(); ++i) {
    bool wanted = i == 0 ? first != nullptr && truthy(*first)
                         : !lines[i].bytes().empty() || (blank != nullptr && truthy(*blank));
    if (i != 0) out.append("\n", false);
    if (wanted) out.append(prefix);
    out.append(lines[i].text());
  }
  MarkedText result = out.take();
  result.markup = value.text().markup;
  return interpreter.heap().text(std::move(result));
}

Datum format(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  Datum text = to_text(interpreter, value);
  if (!arguments.named.empty()) {
    if (!arguments.positional.empty()) give_up("format takes positional or named arguments, not both");
    Datum names = interpreter.heap().dict();
    for (auto& [name, item] : arguments.named) {
      interpreter.heap().set(names.dict(), interpreter.heap().text(name), item);
    }
    return percent_format(interpreter, text, names);
  }
  return percent_format(interpreter, text, interpreter.heap().tuple(arguments.positional));
}

Datum truncate(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("truncate", 0, 4, {"length", "killwords", "end", "leeway"});
  const Datum* length_argument = arguments.find(0, "length");
  const Datum* kill = arguments.find(1, "killwords");
  const Datum* end_argument = arguments.find(2, "end");
  const Datum* leeway_argument = arguments.find(3, "leeway");
  Datum text = value;
  Datum end = end_argument == nullptr ? interpreter.heap().text("...") : to_text(interpreter, *end_argument);
  int64_t length = length_argument == nullptr ? 255 : expect_integer(*length_argument, "length");
  int64_t leeway = leeway_argument == nullptr || leeway_argument->is_none()
                       ? 5
                       : expect_integer(*leeway_argument, "leeway");
  int64_t end_length = static_cast<int64_t>(code_point_count(end.bytes()));
  if (!value.is_string()) {
    auto size = jinja::length(value);
    if (size && static_cast<int64_t>(*size) <= length + std::max<int64_t>(leeway, 0)) return value;
    give_up("truncate needs a string, not {}", type_name(value));
  }
  interpreter.budget().spend_characters(text.bytes().size() + end.bytes().size());
  if (length < end_length || leeway < 0) give_up("truncate: length and leeway do not fit");
  if (static_cast<int64_t>(code_point_count(text.bytes())) - leeway <= length) return text;
  Datum kept = slice(interpreter, text, Datum::none(), Datum::integer(length - end_length), Datum::none());
  size_t keep = kept.bytes().size();
  if (kill == nullptr || !truthy(*kill)) {
    if (size_t space = kept.bytes().rfind(' '); space != std::string::npos) keep = space;
  }
  TextBuilder out(interpreter.budget());
  out.append(kept.text(), 0, keep);
  out.append(end.text());
  return interpreter.heap().text(out.take());
}

Datum wordcount(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("wordcount", 0, 0);
  Datum text = to_text(interpreter, value);
  int64_t words = 0;
  interpreter.budget().spend_characters(text.bytes().size());
  bool inside = false;
  for (size_t at = 0; at < text.bytes().size();) {
    CodePoint c = code_point_at(text.bytes(), at);
    bool alnum = c.value == '_' || is_alnum(c.value);
    words += alnum && !inside;
    inside = alnum;
    at = c.end;
  }
  return Datum::integer(words);
}

Datum urlencode(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("urlencode", 0, 0);
  if (!value.is_string() && !value.is_undefined() && length(value))
    give_up("urlencode needs a string, not {}", type_name(value));
  Datum text = to_text(interpreter, value);
  TextBuilder out(interpreter.budget());
  interpreter.budget().spend_characters(4 * text.bytes().size());
  for (size_t i = 0; i < text.bytes().size(); ++i) {
    unsigned char c = static_cast<unsigned char>(text.bytes()[i]);
    bool plain = c < 0x80 &&
                 (is_alnum(c) || std::string_view("_.-~/").find(static_cast<char>(c)) != std::string::npos);
    if (plain) {
      out.append(text.text(), i, i + 1);
    } else {
      out.append(fmt::format("%{:02X}", c), text.text().is_untrusted(i));
    }
  }
  return interpreter.heap().text(out.take());
}

}  // namespace

Filter find_text_filter(std::string_view name) {
  static constexpr std::pair<std::string_view, Filter> kFilters[] = {
      {"capitalize", change_case<LetterCase::kCapitalize>},
      {"e", escape<false>},
      {"escape", escape<false>},
      {"forceescape", escape<true>},
      {"format", format},
      {"indent", indent},
      {"lower", change_case<LetterCase::kLower>},
      {"replace", replace},
      {"safe", safe},
      {"string", string},
      {"title", title},
      {"trim", trim},
      {"truncate", truncate},
      {"upper", change_case<LetterCase::kUpper>},
      {"urlencode", urlencode},
      {"wordcount", wordcount},
  };
  for (auto [known, filter] : kFilters) {
    if (known == name) return filter;
  }
  return nullptr;
}

}  // namespace hearth::text::jinja
