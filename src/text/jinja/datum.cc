#include "text/jinja/datum.h"

#include <algorithm>
#include <cmath>

namespace hearth::text::jinja {

namespace {

constexpr size_t kIndexFrom = 12;
constexpr size_t kMaxContextDepth = 200;

// Equal keys get equal encodings: 1, 1.0 and true are one key.
void encode_key(const Datum& key, std::string& out) {
  switch (key.kind()) {
    case Kind::kString:
      out += 's';
      out += key.bytes();
      return;
    case Kind::kNone:
      out += 'n';
      return;
    case Kind::kBool:
    case Kind::kInteger:
      out += fmt::format("i{}", key.integer());
      return;
    case Kind::kFloat:
      if (double r = key.real(); std::floor(r) == r && std::abs(r) < 9e15) {
        out += fmt::format("i{}", static_cast<int64_t>(r));
      } else {
        out += fmt::format("f{}", r);
      }
      return;
    case Kind::kTuple:
      out += 't';
      for (const Datum& item : key.items()) {
        std::string part;
        encode_key(item, part);
        out += fmt::format("{}:{}", part.size(), part);
      }
      return;
    case Kind::kUndefined:
      give_up("an undefined value cannot be a key of a mapping");
    default:
      give_up("a {} cannot be a key of a mapping", type_name(key));
  }
}

std::string encoded(const Datum& key) {
  std::string out;
  encode_key(key, out);
  return out;
}

// Text whose bytes are counted as long as it lives.
struct CountedText : MarkedText {
  CountedText(MarkedText&& text, Budget& budget) : MarkedText(std::move(text)), budget(budget) {
    held = bytes.size() + untrusted.size() * sizeof(ByteRange) + sizeof(CountedText);
    size_t wanted = held;
    held = 0;
    budget.hold_string(wanted);
    held = wanted;
  }
  ~CountedText() { budget.release_string(held); }
  CountedText(const CountedText&) = delete;
  CountedText& operator=(const CountedText&) = delete;

  Budget& budget;
  size_t held = 0;
};

}  // namespace

size_t RangeObject::size() const {
  if (step > 0 && start < stop) {
    return (static_cast<uint64_t>(stop) - static_cast<uint64_t>(start) - 1) / static_cast<uint64_t>(step) + 1;
  }
  if (step < 0 && start > stop) {
    uint64_t stride = uint64_t{0} - static_cast<uint64_t>(step);
    return (static_cast<uint64_t>(start) - static_cast<uint64_t>(stop) - 1) / stride + 1;
  }
  return 0;
}

Datum* DictObject::find(std::string_view key) {
  if (entries.size() >= kIndexFrom) return find_encoded("s" + std::string(key));
  for (auto& [name, value] : entries) {
    if (name.is_string() && name.bytes() == key) return &value;
  }
  return nullptr;
}

Datum* DictObject::find(const Datum& key) {
  if (key.is_string()) return find(key.bytes());
  if (key.is_undefined()) return nullptr;
  std::string wanted = encoded(key);
  if (entries.size() >= kIndexFrom) return find_encoded(wanted);
  for (auto& [name, value] : entries) {
    if (!name.is_string() && encoded(name) == wanted) return &value;
  }
  return nullptr;
}

Datum* DictObject::find_encoded(const std::string& wanted) {
  auto found = index_.find(wanted);
  return found == index_.end() ? nullptr : &entries[found->second].second;
}

void DictObject::index_all() {
  index_.clear();
  for (size_t i = 0; i < entries.size(); ++i) index_[encoded(entries[i].first)] = i;
}

void DictObject::set(Datum key, Datum value) {
  if (Datum* old = find(key)) {
    *old = std::move(value);
    return;
  }
  std::string name = encoded(key);
  entries.emplace_back(std::move(key), std::move(value));
  if (entries.size() == kIndexFrom) {
    index_all();
  } else if (entries.size() > kIndexFrom) {
    index_[std::move(name)] = entries.size() - 1;
  }
}

bool DictObject::erase(const Datum& key) {
  Datum* value = find(key);
  if (value == nullptr) return false;
  auto at = std::find_if(entries.begin(), entries.end(), [value](auto& e) { return &e.second == value; });
  size_t position = static_cast<size_t>(at - entries.begin());
  bool indexed = entries.size() >= kIndexFrom;
  if (indexed) index_.erase(encoded(key));
  entries.erase(at);
  if (indexed && entries.size() >= kIndexFrom && position < entries.size()) {
    for (auto& [name, index] : index_) index -= index > position ? 1 : 0;
  }
  return true;
}

void DictObject::clear() {
  entries.clear();
  index_.clear();
}

const Datum* Arguments::find(size_t index, std::string_view name) const {
  if (index < positional.size()) return &positional[index];
  for (const auto& [key, value] : named) {
    if (key == name) return &value;
  }
  return nullptr;
}

void Arguments::expect(std::string_view callee, size_t min, size_t max,
                       std::initializer_list<std::string_view> names) const {
  for (const auto& [name, value] : named) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      give_up("{} takes no argument named '{}'", callee, name);
    }
  }
  if (positional.size() > max)
    give_up("{} takes at most {} arguments, {} were given", callee, max, positional.size());
  if (positional.size() + named.size() < min) give_up("{} needs {} arguments", callee, min);
}

Datum Heap::text(MarkedText text) {
  budget_.check_length(text.bytes.size());
  return Datum::string(std::make_shared<CountedText>(std::move(text), budget_));
}

Datum Heap::text(std::string_view bytes, bool untrusted) {
  TextBuilder out(budget_);
  out.append(bytes, untrusted);
  return text(out.take());
}

Datum Heap::sequence(Kind kind, std::vector<Datum> items, std::string_view type_name) {
  budget_.hold_container(items.size(), sizeof(Datum));
  auto* object = make<SequenceObject>();
  object->items = std::move(items);
  object->type_name = type_name;
  return Datum::object(kind, object);
}

Datum Heap::range(int64_t start, int64_t stop, int64_t step) {
  auto* object = make<RangeObject>();
  object->start = start;
  object->stop = stop;
  object->step = step;
  return Datum::object(Kind::kRange, object);
}

Datum Heap::value(const Value& value, size_t depth) {
  if (depth > kMaxContextDepth) {
    throw TemplateFailure{
        ErrorCategory::kInvalidArgument,
        fmt::format("a value given to the template nests deeper than {} levels", kMaxContextDepth)};
  }
  if (value.is_bool()) return Datum::boolean(value.as_bool());
  if (value.is_integer()) return Datum::integer(value.as_integer());
  if (value.is_float()) return Datum::real(value.as_float());
  if (value.is_string()) {
    MarkedText marked;
    marked.bytes = value.as_string().text;
    marked.untrusted = value.as_string().untrusted;
    return text(std::move(marked));
  }
  if (value.is_list()) {
    std::vector<Datum> items;
    for (const Value& item : value.as_list()) items.push_back(this->value(item, depth + 1));
    return list(std::move(items));
  }
  if (value.is_map()) {
    Datum mapping = dict();
    for (const auto& [key, item] : value.as_map()) {
      set(mapping.dict(), text(key, true), this->value(item, depth + 1));
    }
    return mapping;
  }
  return Datum::none();
}

void Heap::append(const Datum& list, Datum item) {
  budget_.hold_container(1, sizeof(Datum));
  list.items().push_back(std::move(item));
}

void Heap::set(DictObject& dict, Datum key, Datum value) {
  budget_.hold_container(1, 4 * sizeof(Datum));
  if (key.is_string()) budget_.spend_bytes(key.bytes().size());
  dict.set(std::move(key), std::move(value));
}

std::string_view type_name(const Datum& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return "undefined value";
    case Kind::kNone:
      return "none";
    case Kind::kBool:
      return "bool";
    case Kind::kInteger:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kString:
      return "str";
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kIterator:
    case Kind::kView:
      return value.sequence().type_name;
    case Kind::kRange:
      return "range";
    case Kind::kDict:
      return "dict";
    case Kind::kNamespace:
      return "namespace";
    case Kind::kCallable:
      return "function";
    case Kind::kLoop:
      return "loop";
  }
  return "value";
}

}  // namespace hearth::text::jinja
