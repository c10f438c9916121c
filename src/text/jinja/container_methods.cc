// Methods of lists, tuples and mappings, and the lookup of any method.
#include <algorithm>
#include <span>

#include "text/jinja/interpreter.h"
#include "text/jinja/methods.h"
#include "text/jinja/operations.h"

namespace hearth::text::jinja {

namespace {

const Datum& argument(const Arguments& arguments, size_t index, std::string_view method) {
  if (index >= arguments.positional.size()) give_up("{} needs {} arguments", method, index + 1);
  return arguments.positional[index];
}

size_t position_of(Interpreter& interpreter, const std::vector<Datum>& items, const Datum& wanted) {
  for (size_t i = 0; i < items.size(); ++i) {
    interpreter.budget().spend();
    if (equal(interpreter, items[i], wanted)) return i;
  }
  return SIZE_MAX;
}

Datum sequence_count(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("count", 1, 1);
  int64_t found = 0;
  for (const Datum& item : self.items()) {
    interpreter.budget().spend();
    found += equal(interpreter, item, arguments.positional[0]);
  }
  return Datum::integer(found);
}

Datum sequence_index(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("index", 1, 1);
  size_t at = position_of(interpreter, self.items(), arguments.positional[0]);
  if (at == SIZE_MAX) give_up("index: the value is not in the list");
  return Datum::integer(static_cast<int64_t>(at));
}

Datum list_append(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("append", 1, 1);
  interpreter.heap().append(self, arguments.positional[0]);
  return Datum::none();
}

Datum list_extend(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("extend", 1, 1);
  for (Datum& item : iterate(interpreter, arguments.positional[0]))
    interpreter.heap().append(self, std::move(item));
  return Datum::none();
}

Datum list_insert(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("insert", 2, 2);
  int64_t n = static_cast<int64_t>(self.items().size());
  int64_t at = expect_integer(argument(arguments, 0, "insert"), "a position");
  if (at < 0) at = at < -n ? 0 : at + n;
  at = std::min(at, n);
  interpreter.budget().spend(static_cast<uint64_t>(n - at) / 2);
  interpreter.heap().append(self, argument(arguments, 1, "insert"));
  std::rotate(self.items().begin() + at, self.items().end() - 1, self.items().end());
  return Datum::none();
}

Datum list_pop(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("pop", 0, 1);
  int64_t n = static_cast<int64_t>(self.items().size());
  int64_t at = arguments.positional.empty() ? n - 1 : expect_integer(arguments.positional[0], "a position");
  if (at < 0) at = at < -n ? -1 : at + n;
  if (at < 0 || at >= n) give_up("pop: the list has no such position");
  interpreter.budget().spend(static_cast<uint64_t>(n - at) / 2);
  Datum value = self.items()[static_cast<size_t>(at)];
  self.items().erase(self.items().begin() + at);
  return value;
}

Datum list_remove(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("remove", 1, 1);
  size_t at = position_of(interpreter, self.items(), arguments.positional[0]);
  if (at == SIZE_MAX) give_up("remove: the value is not in the list");
  self.items().erase(self.items().begin() + static_cast<std::ptrdiff_t>(at));
  return Datum::none();
}

Datum list_reverse(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("reverse", 0, 0);
  interpreter.budget().spend(self.items().size());
  std::reverse(self.items().begin(), self.items().end());
  return Datum::none();
}

Datum list_clear(Interpreter&, const Datum& self, Arguments& arguments) {
  arguments.expect("clear", 0, 0);
  self.items().clear();
  return Datum::none();
}

Datum list_copy(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("copy", 0, 0);
  return interpreter.heap().list(iterate(interpreter, self));
}

Datum list_sort(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("sort", 0, 0, {"reverse"});
  interpreter.budget().spend(self.items().size() * 16);
  std::vector<Datum> items = self.items();
  const Datum* reverse = arguments.find(SIZE_MAX, "reverse");
  bool down = reverse != nullptr && truthy(*reverse);
  std::stable_sort(items.begin(), items.end(), [&](const Datum& a, const Datum& b) {
    interpreter.budget().spend();
    return down ? compare(interpreter, b, a) < 0 : compare(interpreter, a, b) < 0;
  });
  self.items() = std::move(items);
  return Datum::none();
}

// Looking up a key reads all of it.
void spend_key(Interpreter& interpreter, const Datum& key) {
  if (key.is_string()) interpreter.budget().spend_bytes(key.bytes().size());
}

Datum dict_get(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("get", 1, 2);
  spend_key(interpreter, argument(arguments, 0, "get"));
  if (Datum* value = self.dict().find(argument(arguments, 0, "get"))) return *value;
  return arguments.positional.size() > 1 ? arguments.positional[1] : Datum::none();
}

Datum dict_items(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("items", 0, 0);
  std::vector<Datum> pairs;
  for (const auto& [key, value] : self.dict().entries)
    pairs.push_back(interpreter.heap().tuple({key, value}));
  return interpreter.heap().sequence(Kind::kView, std::move(pairs), "dict_items");
}

Datum dict_keys(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("keys", 0, 0);
  return interpreter.heap().sequence(Kind::kView, iterate(interpreter, self), "dict_keys");
}

Datum dict_values(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("values", 0, 0);
  std::vector<Datum> values;
  for (const auto& [key, value] : self.dict().entries) values.push_back(value);
  return interpreter.heap().sequence(Kind::kView, std::move(values), "dict_values");
}

Datum dict_pop(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("pop", 1, 2);
  const Datum& key = argument(arguments, 0, "pop");
  interpreter.budget().spend(4 * self.dict().entries.size());
  spend_key(interpreter, key);
  if (Datum* found = self.dict().find(key)) {
    Datum value = *found;
    self.dict().erase(key);
    return value;
  }
  if (arguments.positional.size() < 2) give_up("pop: the mapping has no such key");
  return arguments.positional[1];
}

Datum dict_popitem(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("popitem", 0, 0);
  if (self.dict().entries.empty()) give_up("popitem: the mapping is empty");
  auto [key, value] = self.dict().entries.back();
  interpreter.budget().spend(self.dict().entries.size());
  self.dict().erase(key);
  return interpreter.heap().tuple({key, value});
}

Datum dict_setdefault(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("setdefault", 1, 2);
  const Datum& key = argument(arguments, 0, "setdefault");
  spend_key(interpreter, key);
  if (Datum* found = self.dict().find(key)) return *found;
  Datum value = arguments.positional.size() > 1 ? arguments.positional[1] : Datum::none();
  interpreter.heap().set(self.dict(), key, value);
  return value;
}

Datum dict_update(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  if (arguments.positional.size() > 1) give_up("update takes one mapping");
  for (const Datum& source : arguments.positional) add_to_dict(interpreter, self.dict(), source);
  for (auto& [name, value] : arguments.named) {
    interpreter.heap().set(self.dict(), interpreter.heap().text(name), value);
  }
  return Datum::none();
}

Datum dict_clear(Interpreter&, const Datum& self, Arguments& arguments) {
  arguments.expect("clear", 0, 0);
  self.dict().clear();
  return Datum::none();
}

Datum dict_copy(Interpreter& interpreter, const Datum& self, Arguments& arguments) {
  arguments.expect("copy", 0, 0);
  Datum copy = interpreter.heap().dict();
  add_to_dict(interpreter, copy.dict(), self);
  return copy;
}

struct BoundMethod : CallableObject {
  BoundMethod(Datum self, Method method) : self(std::move(self)), method(method) {}
  Datum call(Interpreter& interpreter, Arguments& arguments) override {
    return method(interpreter, self, arguments);
  }

  Datum self;
  Method method;
};

}  // namespace

void add_to_dict(Interpreter& interpreter, DictObject& dict, const Datum& source) {
  if (source.is(Kind::kDict)) {
    auto entries = source.dict().entries;  // a copy: the source may be the target
    for (auto& [key, value] : entries) interpreter.heap().set(dict, key, value);
    return;
  }
  for (const Datum& pair : iterate(interpreter, source)) {
    std::vector<Datum> parts = iterate(interpreter, pair);
    if (parts.size() != 2) give_up("a mapping is made from pairs of key and value");
    interpreter.heap().set(dict, parts[0], parts[1]);
  }
}

Method find_container_method(Kind kind, std::string_view name) {
  using Entry = std::pair<std::string_view, Method>;
  static constexpr Entry kList[] = {
      {"append", list_append}, {"clear", list_clear},     {"copy", list_copy},     {"count", sequence_count},
      {"extend", list_extend}, {"index", sequence_index}, {"insert", list_insert}, {"pop", list_pop},
      {"remove", list_remove}, {"reverse", list_reverse}, {"sort", list_sort}};
  static constexpr Entry kTuple[] = {{"count", sequence_count}, {"index", sequence_index}};
  static constexpr Entry kDict[] = {{"clear", dict_clear},     {"copy", dict_copy},
                                    {"get", dict_get},         {"items", dict_items},
                                    {"keys", dict_keys},       {"pop", dict_pop},
                                    {"popitem", dict_popitem}, {"setdefault", dict_setdefault},
                                    {"update", dict_update},   {"values", dict_values}};
  std::span<const Entry> table;
  if (kind == Kind::kList) table = kList;
  if (kind == Kind::kTuple) table = kTuple;
  if (kind == Kind::kDict) table = kDict;
  for (const auto& [known, method] : table) {
    if (known == name) return method;
  }
  return nullptr;
}

Datum find_method(Interpreter& interpreter, const Datum& value, std::string_view name) {
  Method method = value.is_string() ? find_string_method(name) : find_container_method(value.kind(), name);
  if (method == nullptr) return Datum();
  return Datum::object(Kind::kCallable, interpreter.heap().make<BoundMethod>(value, method));
}

}  // namespace hearth::text::jinja
