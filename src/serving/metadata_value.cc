#include "serving/metadata_value.h"

#include <limits>

namespace hearth::serving {
namespace {

using gguf::ValueType;
using text::Value;

constexpr uint64_t kShownElements = 64;

Result<Value> array_value(const gguf::Metadata& metadata, std::string_view key, const gguf::Array& array) {
  if (array.count > kShownElements || array.element_type == ValueType::kArray) return Value();
  text::ValueList items;
  items.reserve(array.count);
  if (array.element_type == ValueType::kString) {
    for (const std::string_view item : array.strings) items.push_back(Value(item));
  } else if (array.element_type == ValueType::kFloat32 || array.element_type == ValueType::kFloat64) {
    HEARTH_TRY(const auto numbers, metadata.get_float_array(key));
    if (numbers) {
      for (const float number : *numbers) items.push_back(Value(double{number}));
    }
  } else {
    HEARTH_TRY(const auto numbers, metadata.get_int_array(key));
    if (numbers) {
      for (const int64_t number : *numbers) items.push_back(Value(number));
    }
  }
  return Value::list(std::move(items));
}

Result<Value> entry_value(const gguf::Metadata& metadata, const gguf::MetadataEntry& entry) {
  switch (entry.value.index()) {
    case 0: {
      const uint64_t number = std::get<uint64_t>(entry.value);
      if (number > uint64_t{std::numeric_limits<int64_t>::max()}) return Value(static_cast<double>(number));
      return Value(static_cast<int64_t>(number));
    }
    case 1:
      return Value(std::get<int64_t>(entry.value));
    case 2:
      return Value(std::get<double>(entry.value));
    case 3:
      return Value(std::get<bool>(entry.value));
    case 4:
      return Value(std::get<std::string_view>(entry.value));
    default:
      return array_value(metadata, entry.key, std::get<gguf::Array>(entry.value));
  }
}

}  // namespace

Result<Value> metadata_value(const gguf::Metadata& metadata) {
  text::ValueMap all;
  all.reserve(metadata.entries().size());
  for (const gguf::MetadataEntry& entry : metadata.entries()) {
    HEARTH_TRY(Value value, entry_value(metadata, entry));
    all.emplace_back(std::string(entry.key), std::move(value));
  }
  return Value::map(std::move(all));
}

}  // namespace hearth::serving
