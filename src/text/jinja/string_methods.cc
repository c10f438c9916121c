// Methods of strings, as Python's str has them.
#include <utf8proc.h>

#include <algorithm>

#include "text/jinja/interpreter.h"
#include "text/jinja/methods.h"
#include "text/jinja/operations.h"
#include "text/jinja/printing.h"
#include "text/jinja/text_search.h"

namespace hearth::text::jinja {

namespace {

const MarkedText& text_argument(const Arguments& arguments, size_t index, std::string_view name,
                                std::string_view method) {
  const Datum* value = arguments.find(index, name);
  if (value == nullptr) give_up("{} needs an argument", method);
  if (value->is_undefined()) fail_undefined(*value);
  if (!value->is_string()) give_up("{} needs a string, not {}", method, type_name(*value));
  return value->text();
}

Datum piece(Interpreter& interpreter, const MarkedText& text, size_t begin, size_t end) {
  TextBuilder out(interpreter.budget());
  out.append(text, begin, end);
  MarkedText result = out.take();
  result.markup = text.markup;
  return interpreter.heap().text(std::move(result));
}

Datum finish(Interpreter& interpreter, TextBuilder& out, const MarkedText& like) {
  MarkedText result = out.take();
  result.markup = like.markup;
  return interpreter.heap().text(std::move(result));
}

// --- strip ---

std::vector<char32_t> code_points(Interpreter& interpreter, std::string_view bytes) {
  interpreter.budget().spend_characters(2 * bytes.size());
  std::vector<char32_t> result;
  for (size_t at = 0; at < bytes.size();) {
    CodePoint c = code_point_at(bytes, at);
    result.push_back(c.value);
    at = c.end;
  }
  return result;
}

template <bool kLeft, bool kRight>
Datum strip(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("strip", 0, 1);
  const Datum* chars = arguments.find(0, "chars");
  if (chars != nullptr && chars->is_none()) chars = nullptr;
  return strip_text(interpreter, self.text(),
                    chars == nullptr ? nullptr : &text_argument(arguments, 0, "", "strip"), kLeft, kRight);
}

// --- split and join ---

int64_t limit_argument(const Arguments& arguments) {
  const Datum* limit = arguments.find(1, "maxsplit");
  return limit == nullptr ? -1 : expect_integer(*limit, "maxsplit");
}

std::vector<Datum> split_on_space(Interpreter& interpreter, const MarkedText& text, int64_t limit,
                                  bool from_right) {
  std::vector<ByteRange> words;  // in code point runs without space
  size_t begin = SIZE_MAX;
  for (size_t at = 0; at < text.bytes.size();) {
    CodePoint c = code_point_at(text.bytes, at);
    if (is_space(c.value)) {
      if (begin != SIZE_MAX) words.push_back({begin, at});
      begin = SIZE_MAX;
    } else if (begin == SIZE_MAX) {
      begin = at;
    }
    at = c.end;
  }
  if (begin != SIZE_MAX) words.push_back({begin, text.bytes.size()});
  std::vector<Datum> parts;
  size_t n = words.size();
  size_t splits = limit < 0 ? n : std::min(n, static_cast<size_t>(limit));
  bool rest = splits < n;  // some words stay together
  if (from_right) {
    if (rest) parts.push_back(piece(interpreter, text, 0, words[n - splits - 1].end));
    for (size_t i = rest ? n - splits : 0; i < n; ++i) {
      parts.push_back(piece(interpreter, text, words[i].begin, words[i].end));
    }
    return parts;
  }
  for (size_t i = 0; i < splits; ++i) parts.push_back(piece(interpreter, text, words[i].begin, words[i].end));
  if (rest) {
    // The rest keeps the space at its end.
    parts.push_back(piece(interpreter, text, words[splits].begin, text.bytes.size()));
  }
  return parts;
}

template <bool kFromRight>
Datum split(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("split", 0, 2, {"sep", "maxsplit"});
  const MarkedText& text = self.text();
  int64_t limit = limit_argument(arguments);
  interpreter.budget().spend_characters(text.bytes.size());
  const Datum* separator = arguments.find(0, "sep");
  if (separator == nullptr || separator->is_none()) {
    return interpreter.heap().list(split_on_space(interpreter, text, limit, kFromRight));
  }
  const std::string& sep = text_argument(arguments, 0, "sep", "split").bytes;
  if (sep.empty()) give_up("split needs a separator that is not empty");
  std::vector<ByteRange> cuts;
  if (kFromRight) {
    for (size_t end = text.bytes.size(); limit != 0 && end >= sep.size(); --limit) {
      size_t found = find_text_last(text.bytes, sep, end);
      if (found == std::string::npos) break;
      cuts.push_back({found, found + sep.size()});
      end = found;
    }
    std::reverse(cuts.begin(), cuts.end());
  } else {
    for (size_t at = 0; limit != 0; --limit) {
      size_t found = find_text(text.bytes, sep, at);
      if (found == std::string::npos) break;
      cuts.push_back({found, found + sep.size()});
      at = found + sep.size();
    }
  }
  std::vector<Datum> parts;
  size_t begin = 0;
  for (const ByteRange& cut : cuts) {
    interpreter.budget().spend();
    parts.push_back(piece(interpreter, text, begin, cut.begin));
    begin = cut.end;
  }
  parts.push_back(piece(interpreter, text, begin, text.bytes.size()));
  return interpreter.heap().list(std::move(parts));
}

Datum splitlines(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("splitlines", 0, 1, {"keepends"});
  const Datum* keep = arguments.find(0, "keepends");
  return interpreter.heap().list(split_lines(interpreter, self.text(), keep != nullptr && truthy(*keep)));
}

template <bool kFromRight>
Datum partition(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("partition", 1, 1);
  const MarkedText& text = self.text();
  const MarkedText& sep = text_argument(arguments, 0, "", "partition");
  spend_search(interpreter.budget(), text.bytes, sep.bytes);
  if (sep.bytes.empty()) give_up("partition needs a separator that is not empty");
  size_t found = kFromRight ? find_text_last(text.bytes, sep.bytes) : find_text(text.bytes, sep.bytes);
  size_t size = text.bytes.size();
  size_t begin = found, end = found + sep.bytes.size();
  if (found == std::string::npos) begin = end = kFromRight ? 0 : size;
  return interpreter.heap().tuple({piece(interpreter, text, 0, begin), piece(interpreter, text, begin, end),
                                   piece(interpreter, text, end, size)});
}

Datum join(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("join", 1, 1);
  TextBuilder out(interpreter.budget());
  bool first = true;
  for (const Datum& item : iterate(interpreter, arguments.positional.at(0))) {
    if (!item.is_string()) give_up("join needs strings, not {}", type_name(item));
    if (!first) out.append(self.text());
    first = false;
    out.append(self.text().markup && !item.text().markup ? escape_html(interpreter.budget(), item.text())
                                                         : item.text());
  }
  return finish(interpreter, out, self.text());
}

Datum replace(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("replace", 2, 3, {"count"});
  const Datum* count = arguments.find(2, "count");
  MarkedText result = replace_text(interpreter, self.text(), text_argument(arguments, 0, "", "replace"),
                                   text_argument(arguments, 1, "", "replace"),
                                   count == nullptr ? -1 : expect_integer(*count, "count"));
  result.markup = self.text().markup;
  return interpreter.heap().text(std::move(result));
}

// --- searching ---

// The byte range of [start, end) given in code points from argument `index` on.
ByteRange window(Interpreter& interpreter, const MarkedText& text, const Arguments& arguments, size_t index) {
  ByteRange range{0, text.bytes.size()};
  if (arguments.positional.size() <= index) return range;
  interpreter.budget().spend_characters(2 * text.bytes.size());
  std::vector<size_t> offsets = code_point_offsets(text.bytes);
  int64_t n = static_cast<int64_t>(offsets.size()) - 1;
  auto place = [&](const Datum& value) {
    int64_t i = expect_integer(value, "a position");
    if (i < 0) i = std::max<int64_t>(0, i < -n ? 0 : i + n);
    return offsets[static_cast<size_t>(std::min(i, n))];
  };
  if (!arguments.positional[index].is_none()) range.begin = place(arguments.positional[index]);
  if (arguments.positional.size() > index + 1 && !arguments.positional[index + 1].is_none()) {
    range.end = place(arguments.positional[index + 1]);
  }
  range.end = std::max(range.begin, range.end);
  return range;
}

template <bool kPrefix>
Datum has_affix(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  constexpr std::string_view kName = kPrefix ? "startswith" : "endswith";
  arguments.expect(kName, 1, 3);
  interpreter.budget().spend();
  ByteRange range = window(interpreter, self.text(), arguments, 1);
  std::string_view text = std::string_view(self.bytes()).substr(range.begin, range.end - range.begin);
  auto matches = [&](const Datum& affix) {
    if (affix.is_undefined()) fail_undefined(affix);
    if (!affix.is_string()) give_up("{} needs a string, not {}", kName, type_name(affix));
    return kPrefix ? text.starts_with(affix.bytes()) : text.ends_with(affix.bytes());
  };
  const Datum& wanted = arguments.positional.at(0);
  if (!wanted.is(Kind::kTuple)) return Datum::boolean(matches(wanted));
  return Datum::boolean(std::any_of(wanted.items().begin(), wanted.items().end(), matches));
}

int64_t find_position(Interpreter& interpreter, const Datum& self, Arguments& arguments, bool from_right) {
  arguments.expect("find", 1, 3);
  const MarkedText& text = self.text();
  const std::string& wanted = text_argument(arguments, 0, "", "find").bytes;
  spend_search(interpreter.budget(), text.bytes, wanted);
  ByteRange range = window(interpreter, text, arguments, 1);
  std::string_view part = std::string_view(text.bytes).substr(range.begin, range.end - range.begin);
  size_t found = from_right ? find_text_last(part, wanted) : find_text(part, wanted);
  if (found == part.npos) return -1;
  return static_cast<int64_t>(code_point_count(std::string_view(text.bytes).substr(0, range.begin + found)));
}

template <bool kFromRight, bool kMustFind>
Datum find(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  int64_t position = find_position(interpreter, self, arguments, kFromRight);
  if (kMustFind && position < 0) give_up("substring not found");
  return Datum::integer(position);
}

Datum count(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("count", 1, 3);
  const std::string& wanted = text_argument(arguments, 0, "", "count").bytes;
  ByteRange range = window(interpreter, self.text(), arguments, 1);
  std::string_view text = std::string_view(self.bytes()).substr(range.begin, range.end - range.begin);
  spend_search(interpreter.budget(), text, wanted);
  if (wanted.empty()) return Datum::integer(static_cast<int64_t>(code_point_count(text)) + 1);
  int64_t found = 0;
  for (size_t at = find_text(text, wanted); at != text.npos; at = find_text(text, wanted, at + wanted.size()))
    ++found;
  return Datum::integer(found);
}

template <bool kPrefix>
Datum remove_affix(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("removeprefix", 1, 1);
  const MarkedText& text = self.text();
  const std::string& affix = text_argument(arguments, 0, "", "removeprefix").bytes;
  std::string_view bytes = text.bytes;
  if (kPrefix && bytes.starts_with(affix)) return piece(interpreter, text, affix.size(), bytes.size());
  if (!kPrefix && bytes.ends_with(affix)) return piece(interpreter, text, 0, bytes.size() - affix.size());
  return self;
}

// --- case and kinds of characters ---

template <LetterCase kCase>
Datum change_case(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("a method for letter case", 0, 0);
  MarkedText result = with_case(interpreter, self.text(), kCase);
  result.markup = self.text().markup;
  return interpreter.heap().text(std::move(result));
}

bool is_ascii(char32_t c) {
  return c < 0x80;
}

template <bool (*kIs)(char32_t), bool kEmpty = false>
Datum all_are(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("a test of characters", 0, 0);
  auto points = code_points(interpreter, self.bytes());
  return Datum::boolean(points.empty() ? kEmpty : std::all_of(points.begin(), points.end(), kIs));
}

template <utf8proc_category_t kWanted, utf8proc_category_t kOther>
Datum all_cased(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("a test of letter case", 0, 0);
  bool any = false;
  for (char32_t c : code_points(interpreter, self.bytes())) {
    auto k = category(c);
    if (k == kOther || k == UTF8PROC_CATEGORY_LT) return Datum::boolean(false);
    any = any || k == kWanted;
  }
  return Datum::boolean(any);
}

Datum is_title(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("istitle", 0, 0);
  bool cased_before = false, any = false;
  for (char32_t c : code_points(interpreter, self.bytes())) {
    auto k = category(c);
    bool upper = k == UTF8PROC_CATEGORY_LU || k == UTF8PROC_CATEGORY_LT;
    bool lower = k == UTF8PROC_CATEGORY_LL;
    if ((upper && cased_before) || (lower && !cased_before)) return Datum::boolean(false);
    cased_before = upper || lower;
    any = any || cased_before;
  }
  return Datum::boolean(any);
}

// --- padding ---

template <char kAlign>
Datum justify(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("a method for padding", 1, 2);
  size_t size = code_point_count(self.bytes());
  interpreter.budget().spend_characters(self.bytes().size());
  int64_t width = expect_integer(arguments.positional.at(0), "a width");
  MarkedText space;
  space.bytes = " ";
  const MarkedText& fill =
      arguments.positional.size() > 1 ? text_argument(arguments, 1, "", "padding") : space;
  if (code_point_count(fill.bytes) != 1) give_up("padding needs one character");
  size_t missing = width > static_cast<int64_t>(size) ? static_cast<size_t>(width) - size : 0;
  size_t before = kAlign == '>' ? missing : 0;
  if (kAlign == '^') before = missing / 2 + (missing & static_cast<size_t>(width) & 1);
  TextBuilder out(interpreter.budget());
  out.append_times(fill.bytes, before, fill.any_untrusted());
  out.append(self.text());
  out.append_times(fill.bytes, missing - before, fill.any_untrusted());
  return finish(interpreter, out, self.text());
}

Datum zfill(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("zfill", 1, 1);
  const MarkedText& text = self.text();
  int64_t width = expect_integer(arguments.positional.at(0), "a width");
  size_t size = code_point_count(text.bytes);
  size_t sign = !text.bytes.empty() && (text.bytes[0] == '-' || text.bytes[0] == '+') ? 1 : 0;
  TextBuilder out(interpreter.budget());
  out.append(text, 0, sign);
  if (width > static_cast<int64_t>(size)) out.append_times("0", static_cast<size_t>(width) - size, false);
  out.append(text, sign, text.bytes.size());
  return finish(interpreter, out, text);
}

Datum expandtabs(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("expandtabs", 0, 1, {"tabsize"});
  const Datum* given = arguments.find(0, "tabsize");
  int64_t tab = given == nullptr ? 8 : expect_integer(*given, "tabsize");
  if (tab > 1000) give_up("tabsize is too large");
  const MarkedText& text = self.text();
  TextBuilder out(interpreter.budget());
  size_t column = 0;
  interpreter.budget().spend_characters(4 * text.bytes.size());
  for (size_t at = 0; at < text.bytes.size();) {
    CodePoint c = code_point_at(text.bytes, at);
    if (c.value == '\t') {
      size_t spaces = tab > 0 ? static_cast<size_t>(tab) - column % static_cast<size_t>(tab) : 0;
      out.append_times(" ", spaces, text.is_untrusted(at));
      column += spaces;
    } else {
      out.append(text, c.begin, c.end);
      column = c.value == '\n' || c.value == '\r' ? 0 : column + 1;
    }
    at = c.end;
  }
  return finish(interpreter, out, text);
}

Datum format(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  return brace_format(interpreter, self, arguments);
}

}  // namespace

Method find_string_method(std::string_view name) {
  static constexpr std::pair<std::string_view, Method> kMethods[] = {
      {"capitalize", change_case<LetterCase::kCapitalize>},
      {"casefold", change_case<LetterCase::kFold>},
      {"center", justify<'^'>},
      {"count", count},
      {"endswith", has_affix<false>},
      {"expandtabs", expandtabs},
      {"find", find<false, false>},
      {"format", format},
      {"index", find<false, true>},
      {"isalnum", all_are<is_alnum>},
      {"isalpha", all_are<is_alpha>},
      {"isascii", all_are<is_ascii, true>},
      {"isdecimal", all_are<is_decimal>},
      {"isdigit", all_are<is_decimal>},
      {"islower", all_cased<UTF8PROC_CATEGORY_LL, UTF8PROC_CATEGORY_LU>},
      {"isnumeric", all_are<is_numeric>},
      {"isspace", all_are<is_space>},
      {"istitle", is_title},
      {"isupper", all_cased<UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_LL>},
      {"join", join},
      {"ljust", justify<'<'>},
      {"lower", change_case<LetterCase::kLower>},
      {"lstrip", strip<true, false>},
      {"partition", partition<false>},
      {"removeprefix", remove_affix<true>},
      {"removesuffix", remove_affix<false>},
      {"replace", replace},
      {"rfind", find<true, false>},
      {"rindex", find<true, true>},
      {"rjust", justify<'>'>},
      {"rpartition", partition<true>},
      {"rsplit", split<true>},
      {"rstrip", strip<false, true>},
      {"split", split<false>},
      {"splitlines", splitlines},
      {"startswith", has_affix<true>},
      {"strip", strip<true, true>},
      {"swapcase", change_case<LetterCase::kSwap>},
      {"title", change_case<LetterCase::kTitle>},
      {"upper", change_case<LetterCase::kUpper>},
      {"zfill", zfill},
  };
  for (auto [known, method] : kMethods) {
    if (known == name) return method;
  }
  return nullptr;
}

}  // namespace hearth::text::jinja
