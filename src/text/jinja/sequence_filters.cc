// Filters that work on lists, mappings and other things to walk through.
#include <algorithm>

#include "text/jinja/filters.h"
#include "text/jinja/methods.h"
#include "text/jinja/operations.h"

namespace hearth::text::jinja {

namespace {

// "a.b.0": what attribute= arguments mean.
Datum deep_attribute(Interpreter& interpreter, const Datum& item, const Datum& path) {
  if (path.is_integral()) return subscript(interpreter, item, path);
  if (!path.is_string()) give_up("an attribute is named by a string or a number");
  Datum value = item;
  std::string_view rest = path.bytes();
  for (;;) {
    interpreter.budget().spend();
    size_t dot = std::min(rest.find('.'), rest.size());
    std::string_view part = rest.substr(0, dot);
    bool number = !part.empty() && part.size() < 10 && part.find_first_not_of("0123456789") == part.npos;
    value = subscript(interpreter, value,
                      number ? Datum::integer(std::stoll(std::string(part))) : interpreter.heap().text(part));
    if (dot == rest.size()) return value;
    rest.remove_prefix(dot + 1);
  }
}

Datum sort_key(Interpreter& interpreter, const Datum& item, const Datum* path, bool case_sensitive) {
  Datum key = path == nullptr || path->is_none() ? item : deep_attribute(interpreter, item, *path);
  if (!case_sensitive && key.is_string()) {
    key = interpreter.heap().text(with_case(interpreter, key.text(), LetterCase::kLower));
  }
  return key;
}

bool flag(const Arguments& arguments, size_t index, std::string_view name) {
  const Datum* value = arguments.find(index, name);
  return value != nullptr && truthy(*value);
}

// Several attributes: "a,b".
std::vector<Datum> sort_paths(Interpreter& interpreter, const Datum* attribute) {
  std::vector<Datum> paths;
  if (attribute == nullptr || attribute->is_none()) return {Datum::none()};
  if (!attribute->is_string()) return {*attribute};
  std::string_view rest = attribute->bytes();
  for (;;) {
    size_t comma = std::min(rest.find(','), rest.size());
    paths.push_back(interpreter.heap().text(rest.substr(0, comma)));
    if (comma == rest.size()) return paths;
    rest.remove_prefix(comma + 1);
  }
}

std::vector<Datum> sorted(Interpreter& interpreter, std::vector<Datum> items, const std::vector<Datum>& paths,
                          bool case_sensitive, bool reverse) {
  struct Keyed {
    std::vector<Datum> keys;
    Datum item;
  };
  std::vector<Keyed> keyed;
  for (Datum& item : items) {
    Keyed entry;
    for (const Datum& path : paths) entry.keys.push_back(sort_key(interpreter, item, &path, case_sensitive));
    entry.item = std::move(item);
    keyed.push_back(std::move(entry));
  }
  auto less = [&](const Keyed& a, const Keyed& b) {
    interpreter.budget().spend();
    for (size_t i = 0; i < a.keys.size(); ++i) {
      if (equal(interpreter, a.keys[i], b.keys[i])) continue;
      return compare(interpreter, a.keys[i], b.keys[i]) < 0;
    }
    return false;
  };
  std::stable_sort(keyed.begin(), keyed.end(),
                   [&](const Keyed& a, const Keyed& b) { return reverse ? less(b, a) : less(a, b); });
  std::vector<Datum> result;
  for (Keyed& entry : keyed) result.push_back(std::move(entry.item));
  return result;
}

Datum sort(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("sort", 0, 3, {"reverse", "case_sensitive", "attribute"});
  return interpreter.heap().list(sorted(interpreter, iterate(interpreter, value),
                                        sort_paths(interpreter, arguments.find(2, "attribute")),
                                        flag(arguments, 1, "case_sensitive"), flag(arguments, 0, "reverse")));
}

Datum dictsort(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("dictsort", 0, 3, {"case_sensitive", "by", "reverse"});
  if (value.is_undefined()) fail_undefined(value);
  if (!value.is(Kind::kDict)) give_up("dictsort needs a mapping, not {}", type_name(value));
  const Datum* by = arguments.find(1, "by");
  bool by_value = by != nullptr && by->is_string() && by->bytes() == "value";
  std::vector<Datum> pairs;
  for (const auto& [key, item] : value.dict().entries) pairs.push_back(interpreter.heap().tuple({key, item}));
  return interpreter.heap().list(sorted(interpreter, std::move(pairs), {Datum::integer(by_value ? 1 : 0)},
                                        flag(arguments, 0, "case_sensitive"), flag(arguments, 2, "reverse")));
}

Datum groupby(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("groupby", 1, 3, {"attribute", "default", "case_sensitive"});
  const Datum* path = arguments.find(0, "attribute");
  if (path == nullptr) give_up("groupby needs an attribute");
  bool case_sensitive = flag(arguments, 2, "case_sensitive");
  const Datum* fallback = arguments.find(1, "default");
  auto key_of = [&](const Datum& item) {
    Datum key = deep_attribute(interpreter, item, *path);
    return key.is_undefined() && fallback != nullptr ? *fallback : key;
  };
  std::vector<Datum> pairs;  // (folded key, item): sorted, then joined while keys stay equal
  for (const Datum& item : iterate(interpreter, value)) {
    Datum key = key_of(item);
    if (key.is_undefined()) fail_undefined(key);
    pairs.push_back(interpreter.heap().tuple({sort_key(interpreter, key, nullptr, case_sensitive), item}));
  }
  std::vector<Datum> groups;
  Datum last;
  for (Datum& pair : sorted(interpreter, std::move(pairs), {Datum::integer(0)}, true, false)) {
    const Datum& key = pair.items()[0];
    if (groups.empty() || !equal(interpreter, key, last)) {
      Datum group = interpreter.heap().tuple({key_of(pair.items()[1]), interpreter.heap().list()});
      group.sequence().is_group = true;
      groups.push_back(group);
      last = key;
    }
    interpreter.heap().append(groups.back().items()[1], pair.items()[1]);
  }
  return interpreter.heap().list(std::move(groups));
}

Datum unique(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("unique", 0, 2, {"case_sensitive", "attribute"});
  DictObject seen;
  std::vector<Datum> result;
  for (Datum& item : iterate(interpreter, value)) {
    Datum key =
        sort_key(interpreter, item, arguments.find(1, "attribute"), flag(arguments, 0, "case_sensitive"));
    if (seen.find(key) != nullptr) continue;
    interpreter.heap().set(seen, key, Datum::none());
    result.push_back(std::move(item));
  }
  return interpreter.heap().iterator(std::move(result));
}

template <bool kMax>
Datum extreme(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect(kMax ? "max" : "min", 0, 2, {"case_sensitive", "attribute"});
  std::vector<Datum> items = iterate(interpreter, value);
  if (items.empty()) return Datum();
  auto key = [&](const Datum& item) {
    return sort_key(interpreter, item, arguments.find(1, "attribute"), flag(arguments, 0, "case_sensitive"));
  };
  size_t best = 0;
  for (size_t i = 1; i < items.size(); ++i) {
    int order = compare(interpreter, key(items[i]), key(items[best]));
    if (kMax ? order > 0 : order < 0) best = i;
  }
  return items[best];
}

Datum sum(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("sum", 0, 2, {"attribute", "start"});
  const Datum* path = arguments.find(0, "attribute");
  const Datum* start = arguments.find(1, "start");
  Datum total = start == nullptr ? Datum::integer(0) : *start;
  for (const Datum& item : iterate(interpreter, value)) {
    bool direct = path == nullptr || path->is_none();
    total = arithmetic(interpreter, Operator::kAdd, total,
                       direct ? item : deep_attribute(interpreter, item, *path));
  }
  return total;
}

Datum first(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("first", 0, 0);
  if (value.is(Kind::kList) && !value.items().empty()) return value.items().front();
  std::vector<Datum> items = iterate(interpreter, value);
  return items.empty() ? Datum() : items.front();
}

Datum last(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("last", 0, 0);
  if (value.is(Kind::kIterator)) give_up("last needs a list, not a generator");
  std::vector<Datum> items = iterate(interpreter, value);
  return items.empty() ? Datum() : items.back();
}

Datum count(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("length", 0, 0);
  if (value.is_string()) interpreter.budget().spend_characters(value.bytes().size());
  auto n = length(value);
  if (!n) give_up("{} has no length", type_name(value));
  return Datum::integer(static_cast<int64_t>(*n));
}

Datum list(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("list", 0, 0);
  return interpreter.heap().list(iterate(interpreter, value));
}

Datum items(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("items", 0, 0);
  if (value.is_undefined()) return interpreter.heap().iterator({});
  if (!value.is(Kind::kDict)) give_up("items needs a mapping, not {}", type_name(value));
  std::vector<Datum> pairs;
  for (const auto& [key, item] : value.dict().entries) pairs.push_back(interpreter.heap().tuple({key, item}));
  return interpreter.heap().iterator(std::move(pairs));
}

Datum reverse(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("reverse", 0, 0);
  if (value.is_string()) return slice(interpreter, value, Datum::none(), Datum::none(), Datum::integer(-1));
  std::vector<Datum> all = iterate(interpreter, value);
  std::reverse(all.begin(), all.end());
  return interpreter.heap().iterator(std::move(all));
}

Datum join(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("join", 0, 2, {"d", "attribute"});
  const Datum* path = arguments.find(1, "attribute");
  Datum separator = arguments.find(0, "d") == nullptr ? interpreter.heap().text("")
                                                      : to_text(interpreter, *arguments.find(0, "d"));
  TextBuilder out(interpreter.budget());
  bool is_first = true;
  for (const Datum& item : iterate(interpreter, value)) {
    if (!is_first) out.append(separator.text());
    is_first = false;
    bool direct = path == nullptr || path->is_none();
    out.append(to_text(interpreter, direct ? item : deep_attribute(interpreter, item, *path)).text());
  }
  return interpreter.heap().text(out.take());
}

// map, select and reject take anything false (none, zero) for an empty list.
std::vector<Datum> items_or_none(Interpreter& interpreter, const Datum& value) {
  return truthy(value) ? iterate(interpreter, value) : std::vector<Datum>();
}

Datum map(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  std::vector<Datum> result;
  std::vector<Datum> all = items_or_none(interpreter, value);
  const Datum* path = arguments.find(SIZE_MAX, "attribute");
  if (arguments.positional.empty() && path != nullptr) {
    arguments.expect("map", 0, 0, {"attribute", "default"});
    const Datum* fallback = arguments.find(SIZE_MAX, "default");
    for (const Datum& item : all) {
      Datum found = deep_attribute(interpreter, item, *path);
      result.push_back(found.is_undefined() && fallback != nullptr ? *fallback : found);
    }
    return interpreter.heap().iterator(std::move(result));
  }
  if (arguments.positional.empty() || !arguments.positional[0].is_string())
    give_up("map needs the name of a filter");
  std::string name = arguments.positional[0].bytes();
  for (const Datum& item : all) {
    Arguments rest{{arguments.positional.begin() + 1, arguments.positional.end()}, arguments.named};
    result.push_back(interpreter.apply_filter(name, item, rest));
  }
  return interpreter.heap().iterator(std::move(result));
}

template <bool kKeep, bool kByAttribute>
Datum select(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  std::vector<Datum> result;
  size_t test = kByAttribute ? 1 : 0;
  if (kByAttribute && arguments.positional.empty()) give_up("selectattr and rejectattr need an attribute");
  std::string name;
  if (arguments.positional.size() > test) {
    if (!arguments.positional[test].is_string()) give_up("a test is named by a string");
    name = arguments.positional[test].bytes();
  }
  for (Datum& item : items_or_none(interpreter, value)) {
    Datum subject = kByAttribute ? deep_attribute(interpreter, item, arguments.positional[0]) : item;
    bool passes;
    if (name.empty()) {
      passes = truthy(subject);
    } else {
      Arguments rest{
          {arguments.positional.begin() + static_cast<std::ptrdiff_t>(test) + 1, arguments.positional.end()},
          arguments.named};
      passes = interpreter.apply_test(name, subject, rest);
    }
    if (passes == kKeep) result.push_back(std::move(item));
  }
  return interpreter.heap().iterator(std::move(result));
}

Datum batch(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("batch", 1, 2, {"linecount", "fill_with"});
  const Datum* count_argument = arguments.find(0, "linecount");
  const Datum* fill = arguments.find(1, "fill_with");
  int64_t size = count_argument == nullptr ? 0 : expect_integer(*count_argument, "linecount");
  if (size < 1 || size > 1'000'000) give_up("batch needs a positive count");
  std::vector<Datum> batches, current;
  for (Datum& item : iterate(interpreter, value)) {
    current.push_back(std::move(item));
    if (current.size() == static_cast<size_t>(size)) {
      batches.push_back(interpreter.heap().list(std::exchange(current, {})));
    }
  }
  if (!current.empty()) {
    if (fill != nullptr && !fill->is_none()) {
      interpreter.budget().spend(static_cast<uint64_t>(size));
      current.resize(static_cast<size_t>(size), *fill);
    }
    batches.push_back(interpreter.heap().list(std::move(current)));
  }
  return interpreter.heap().iterator(std::move(batches));
}

Datum slice_columns(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("slice", 1, 2, {"slices", "fill_with"});
  const Datum* count_argument = arguments.find(0, "slices");
  const Datum* fill = arguments.find(1, "fill_with");
  int64_t slices = count_argument == nullptr ? 0 : expect_integer(*count_argument, "slices");
  if (slices < 1 || slices > 1'000'000) give_up("slice needs a positive count");
  std::vector<Datum> all = iterate(interpreter, value);
  size_t n = static_cast<size_t>(slices), per = all.size() / n, extra = all.size() % n, at = 0;
  std::vector<Datum> columns;
  for (size_t i = 0; i < n; ++i) {
    size_t take = per + (i < extra ? 1 : 0);
    std::vector<Datum> column(all.begin() + static_cast<std::ptrdiff_t>(at),
                              all.begin() + static_cast<std::ptrdiff_t>(at + take));
    at += take;
    if (fill != nullptr && !fill->is_none() && i >= extra && extra != 0) column.push_back(*fill);
    columns.push_back(interpreter.heap().list(std::move(column)));
  }
  return interpreter.heap().iterator(std::move(columns));
}

}  // namespace

Filter find_sequence_filter(std::string_view name) {
  static constexpr std::pair<std::string_view, Filter> kFilters[] = {
      {"batch", batch},
      {"count", count},
      {"dictsort", dictsort},
      {"first", first},
      {"groupby", groupby},
      {"items", items},
      {"join", join},
      {"last", last},
      {"length", count},
      {"list", list},
      {"map", map},
      {"max", extreme<true>},
      {"min", extreme<false>},
      {"reject", select<false, false>},
      {"rejectattr", select<false, true>},
      {"reverse", reverse},
      {"select", select<true, false>},
      {"selectattr", select<true, true>},
      {"slice", slice_columns},
      {"sort", sort},
      {"sum", sum},
      {"unique", unique},
  };
  for (auto [known, filter] : kFilters) {
    if (known == name) return filter;
  }
  return nullptr;
}

}  // namespace hearth::text::jinja
