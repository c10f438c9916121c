#include "text/go_template/functions.h"

#include <algorithm>
#include <optional>

#include "text/go_template/printing.h"
#include "text/go_template/record.h"
#include "text/jinja/clock.h"

namespace hearth::text::go_template {

namespace {

using Arguments = std::vector<Datum>;

constexpr size_t kMany = SIZE_MAX;

// As Go shows the elements of something that can be indexed: bytes of strings.
size_t length_of(const Datum& value, std::string_view function) {
  switch (value.kind()) {
    case Kind::kString:
      return value.bytes().size();
    case Kind::kList:
      return value.items().size();
    case Kind::kDict:
      if (as_record(value) == nullptr) return value.dict().entries.size();
      [[fallthrough]];
    default:
      give_up("{}: {} has no length", function, described(value));
  }
}

// An index from 0 to `limit`.
size_t index_in(const Datum& value, size_t limit, std::string_view function) {
  if (!value.is(Kind::kInteger)) give_up("{}: {} is not an index", function, described(value));
  if (value.integer() < 0 || static_cast<uint64_t>(value.integer()) > limit) {
    give_up("{}: the index {} is not between 0 and {}", function, value.integer(), limit);
  }
  return static_cast<size_t>(value.integer());
}

Datum call_not(Run&, const Arguments& arguments) {
  return Datum::boolean(!truthy(arguments[0]));
}

Datum call_len(Run&, const Arguments& arguments) {
  return Datum::integer(static_cast<int64_t>(length_of(arguments[0], "len")));
}

Datum call_index(Run& run, const Arguments& arguments) {
  Datum value = arguments[0];
  for (size_t i = 1; i < arguments.size(); ++i) {
    const Datum& index = arguments[i];
    if (value.is(Kind::kDict) && as_record(value) == nullptr) {
      if (!index.is_string()) give_up("index: {} is not a key of a mapping", described(index));
      run.budget.spend_bytes(index.bytes().size());
      const Datum* found = value.dict().find(index.bytes());
      value = found == nullptr ? Datum::none() : Datum(*found);
      continue;
    }
    const size_t length = length_of(value, "index");
    if (length == 0) give_up("index: {} is empty", described(value));
    const size_t at = index_in(index, length - 1, "index");
    value = value.is(Kind::kList) ? Datum(value.items()[at])
                                  : Datum::integer(static_cast<unsigned char>(value.bytes()[at]));
  }
  return value;
}

Datum call_slice(Run& run, const Arguments& arguments) {
  const Datum& value = arguments[0];
  if (!value.is_string() && !value.is(Kind::kList)) give_up("slice: {} cannot be sliced", described(value));
  const size_t length = length_of(value, "slice");
  const size_t end = arguments.size() > 2 ? index_in(arguments[2], length, "slice") : length;
  const size_t begin = arguments.size() > 1 ? index_in(arguments[1], length, "slice") : 0;
  if (begin > end) give_up("slice: {} is behind {}", begin, end);
  if (value.is_string()) {
    TextBuilder out(run.budget);
    out.append(value.text(), begin, end);
    return run.heap.text(out.take());
  }
  const auto& items = value.items();
  return run.heap.list(
      {items.begin() + static_cast<std::ptrdiff_t>(begin), items.begin() + static_cast<std::ptrdiff_t>(end)});
}

// Negative, zero or positive; nullopt where numbers have no order. Both must be of one kind.
std::optional<int> order(Run& run, const Datum& a, const Datum& b) {
  if (a.is_string()) {
    run.budget.spend_bytes(std::min(a.bytes().size(), b.bytes().size()));
    return a.bytes().compare(b.bytes());
  }
  if (a.is_integral()) return a.integer() < b.integer() ? -1 : a.integer() > b.integer() ? 1 : 0;
  if (a.real() < b.real()) return -1;
  if (a.real() > b.real()) return 1;
  return a.real() == b.real() ? std::optional<int>(0) : std::nullopt;
}

bool is_basic(const Datum& value) {
  return value.is_string() || value.is_number();
}

bool equal(Run& run, const Datum& a, const Datum& b) {
  if (a.is_none() || b.is_none()) return a.is_none() && b.is_none();
  for (const Datum* value : {&a, &b}) {
    if (!is_basic(*value)) give_up("{} cannot be compared", described(*value));
  }
  if (a.kind() != b.kind()) give_up("{} cannot be compared with {}", described(a), described(b));
  return order(run, a, b) == 0;
}

std::optional<int> ordered(Run& run, const Arguments& arguments) {
  const Datum &a = arguments[0], &b = arguments[1];
  for (const Datum* value : {&a, &b}) {
    if (!is_basic(*value) || value->is(Kind::kBool)) give_up("{} has no order", described(*value));
  }
  if (a.kind() != b.kind()) give_up("{} cannot be compared with {}", described(a), described(b));
  return order(run, a, b);
}

// The first argument is equal to any of the others.
Datum call_eq(Run& run, const Arguments& arguments) {
  return Datum::boolean(std::any_of(arguments.begin() + 1, arguments.end(),
                                    [&](const Datum& other) { return equal(run, arguments[0], other); }));
}
Datum call_ne(Run& run, const Arguments& arguments) {
  return Datum::boolean(!equal(run, arguments[0], arguments[1]));
}
Datum call_lt(Run& run, const Arguments& arguments) {
  const auto order = ordered(run, arguments);
  return Datum::boolean(order && *order < 0);
}
Datum call_le(Run& run, const Arguments& arguments) {
  const auto order = ordered(run, arguments);
  return Datum::boolean(order && *order <= 0);
}
Datum call_gt(Run& run, const Arguments& arguments) {
  const auto order = ordered(run, arguments);
  return Datum::boolean(order && *order > 0);
}
Datum call_ge(Run& run, const Arguments& arguments) {
  const auto order = ordered(run, arguments);
  return Datum::boolean(order && *order >= 0);
}

Datum call_html(Run& run, const Arguments& arguments) {
  MarkedText escaped = jinja::escape_html(run.budget, print_all(run, arguments).text());
  escaped.markup = false;
  return run.heap.text(std::move(escaped));
}

Datum call_json(Run& run, const Arguments& arguments) {
  TextBuilder out(run.budget);
  print_json(run, out, arguments[0]);
  return run.heap.text(out.take());
}

Datum date(Run& run, int64_t unix_seconds) {
  return run.heap.text(jinja::format_time(unix_seconds, "%Y-%m-%d"));
}

// Both take a format, which Ollama does not look at either.
Datum call_current_date(Run& run, const Arguments&) {
  return date(run, run.now_unix_seconds);
}
Datum call_yesterday_date(Run& run, const Arguments&) {
  return date(run, run.now_unix_seconds - 24 * 60 * 60);
}

Datum call_typescript_type(Run& run, const Arguments& arguments) {
  return typescript_type(run, arguments[0]);
}

constexpr Function kFunctions[] = {
    {"and", 1, kMany, nullptr, false},
    {"or", 1, kMany, nullptr, true},
    {"not", 1, 1, call_not},
    {"len", 1, 1, call_len},
    {"index", 1, kMany, call_index},
    {"slice", 1, 3, call_slice},
    {"eq", 2, kMany, call_eq},
    {"ne", 2, 2, call_ne},
    {"lt", 2, 2, call_lt},
    {"le", 2, 2, call_le},
    {"gt", 2, 2, call_gt},
    {"ge", 2, 2, call_ge},
    {"print", 0, kMany, print_all},
    {"println", 0, kMany, print_line},
    {"printf", 1, kMany, print_format},
    {"html", 0, kMany, call_html},
    {"json", 1, 1, call_json},
    {"currentDate", 0, kMany, call_current_date},
    {"yesterdayDate", 0, kMany, call_yesterday_date},
    {"toTypeScriptType", 1, 1, call_typescript_type},
};

}  // namespace

const Function* find_function(std::string_view name) {
  const auto* found = std::find_if(std::begin(kFunctions), std::end(kFunctions),
                                   [&](const Function& function) { return function.name == name; });
  return found == std::end(kFunctions) ? nullptr : found;
}

bool truthy(const Datum& value) {
  switch (value.kind()) {
    case Kind::kBool:
    case Kind::kInteger:
      return value.integer() != 0;
    case Kind::kFloat:
      return value.real() != 0;
    case Kind::kString:
      return !value.bytes().empty();
    case Kind::kList:
      return !value.items().empty();
    case Kind::kDict:
      return as_record(value) != nullptr || !value.dict().entries.empty();
    default:
      return false;
  }
}

}  // namespace hearth::text::go_template
