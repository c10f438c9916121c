#include "text/value.h"

namespace hearth::text {

Value Value::list(ValueList items) {
  Value value;
  value.data_ = std::make_shared<ValueList>(std::move(items));
  return value;
}

Value Value::map(ValueMap items) {
  Value value;
  value.data_ = std::make_shared<ValueMap>(std::move(items));
  return value;
}

Value Value::untrusted(std::string s) {
  std::vector<ByteRange> ranges;
  if (!s.empty()) ranges.push_back({0, s.size()});
  Value value;
  value.data_ = std::make_shared<const PromptText>(PromptText{std::move(s), std::move(ranges)});
  return value;
}

bool Value::is_none() const {
  return std::holds_alternative<std::monostate>(data_);
}
bool Value::is_bool() const {
  return std::holds_alternative<bool>(data_);
}
bool Value::is_integer() const {
  return std::holds_alternative<int64_t>(data_);
}
bool Value::is_float() const {
  return std::holds_alternative<double>(data_);
}
bool Value::is_string() const {
  return std::holds_alternative<std::shared_ptr<const PromptText>>(data_);
}
bool Value::is_list() const {
  return std::holds_alternative<std::shared_ptr<ValueList>>(data_);
}
bool Value::is_map() const {
  return std::holds_alternative<std::shared_ptr<ValueMap>>(data_);
}

bool Value::as_bool() const {
  return std::get<bool>(data_);
}
int64_t Value::as_integer() const {
  return std::get<int64_t>(data_);
}
double Value::as_float() const {
  return std::get<double>(data_);
}
const PromptText& Value::as_string() const {
  return *std::get<std::shared_ptr<const PromptText>>(data_);
}
ValueList& Value::as_list() const {
  return *std::get<std::shared_ptr<ValueList>>(data_);
}
ValueMap& Value::as_map() const {
  return *std::get<std::shared_ptr<ValueMap>>(data_);
}

const Value* Value::find(std::string_view key) const {
  if (!is_map()) return nullptr;
  for (const auto& [name, value] : as_map()) {
    if (name == key) return &value;
  }
  return nullptr;
}

void Value::set(std::string key, Value value) {
  if (!is_map()) *this = map();
  for (auto& [name, old] : as_map()) {
    if (name == key) {
      old = std::move(value);
      return;
    }
  }
  as_map().emplace_back(std::move(key), std::move(value));
}

}  // namespace hearth::text
