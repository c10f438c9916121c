#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "gguf/model_file.h"
#include "gguf/printable.h"

namespace hearth::gguf {
namespace {

tl::unexpected<Error> wrong_type(const MetadataEntry& entry, std::string_view wanted) {
  std::string type(value_type_name(entry.type));
  if (const auto* array = std::get_if<Array>(&entry.value)) {
    type = fmt::format("array of {}", value_type_name(array->element_type));
  }
  return fail(ErrorCategory::kCorrupt, "key {} is of type {} where {} needed", printable(entry.key), type,
              wanted);
}

template <typename T>
tl::unexpected<Error> out_of_range(const MetadataEntry& entry, T value, std::string_view wanted) {
  return fail(ErrorCategory::kCorrupt, "key {} is {}, which is no {}", printable(entry.key), value, wanted);
}

// Calls visit(item) with each item in its stored type until one of them returns an error. Strings: kCorrupt.
template <typename Visit>
Status for_each_number(const MetadataEntry& entry, std::string_view wanted, Visit visit) {
  const auto* array = std::get_if<Array>(&entry.value);
  if (array == nullptr) {
    if (const auto* value = std::get_if<uint64_t>(&entry.value)) return visit(*value);
    if (const auto* value = std::get_if<int64_t>(&entry.value)) return visit(*value);
    if (const auto* value = std::get_if<double>(&entry.value)) return visit(*value);
    if (const auto* value = std::get_if<bool>(&entry.value)) return visit(*value);
    return wrong_type(entry, wanted);
  }
  const auto walk = [&]<typename Stored, typename Widened>(Stored stored, Widened) -> Status {
    for (uint64_t i = 0; i < array->count; ++i) {
      std::memcpy(&stored, array->bytes.data() + i * sizeof(Stored), sizeof(Stored));
      HEARTH_CHECK_OK(visit(static_cast<Widened>(stored)));
    }
    return {};
  };
  switch (array->element_type) {
    case ValueType::kUint8:
      return walk(uint8_t{}, uint64_t{});
    case ValueType::kInt8:
      return walk(int8_t{}, int64_t{});
    case ValueType::kUint16:
      return walk(uint16_t{}, uint64_t{});
    case ValueType::kInt16:
      return walk(int16_t{}, int64_t{});
    case ValueType::kUint32:
      return walk(uint32_t{}, uint64_t{});
    case ValueType::kInt32:
      return walk(int32_t{}, int64_t{});
    case ValueType::kUint64:
      return walk(uint64_t{}, uint64_t{});
    case ValueType::kInt64:
      return walk(int64_t{}, int64_t{});
    case ValueType::kFloat32:
      return walk(float{}, double{});
    case ValueType::kFloat64:
      return walk(double{}, double{});
    case ValueType::kBool:
      return walk(uint8_t{}, bool{});
    case ValueType::kString:
    case ValueType::kArray:
      break;
  }
  return wrong_type(entry, wanted);
}

uint64_t count_of(const MetadataEntry& entry) {
  const auto* array = std::get_if<Array>(&entry.value);
  return array == nullptr ? 1 : array->count;
}

}  // namespace

std::string_view value_type_name(ValueType type) {
  switch (type) {
    case ValueType::kUint8:
      return "uint8";
    case ValueType::kInt8:
      return "int8";
    case ValueType::kUint16:
      return "uint16";
    case ValueType::kInt16:
      return "int16";
    case ValueType::kUint32:
      return "uint32";
    case ValueType::kInt32:
      return "int32";
    case ValueType::kFloat32:
      return "float32";
    case ValueType::kBool:
      return "bool";
    case ValueType::kString:
      return "string";
    case ValueType::kArray:
      return "array";
    case ValueType::kUint64:
      return "uint64";
    case ValueType::kInt64:
      return "int64";
    case ValueType::kFloat64:
      return "float64";
  }
  return "unknown";
}

const MetadataEntry* Metadata::find(std::string_view key) const {
  const auto at =
      std::lower_bound(by_key_.begin(), by_key_.end(), key,
                       [&](uint32_t index, std::string_view k) { return entries_[index].key < k; });
  if (at == by_key_.end() || entries_[*at].key != key) return nullptr;
  return &entries_[*at];
}

Result<std::optional<uint64_t>> Metadata::get_uint(std::string_view key) const {
  const MetadataEntry* entry = find(key);
  if (entry == nullptr) return std::nullopt;
  if (const auto* value = std::get_if<uint64_t>(&entry->value)) return *value;
  if (const auto* value = std::get_if<int64_t>(&entry->value)) {
    if (*value < 0) return out_of_range(*entry, *value, "unsigned integer");
    return static_cast<uint64_t>(*value);
  }
  return wrong_type(*entry, "an integer is");
}

Result<std::optional<double>> Metadata::get_float(std::string_view key) const {
  // Beyond 2^53 a double skips integers.
  constexpr int64_t kExact = int64_t{1} << 53;
  const MetadataEntry* entry = find(key);
  if (entry == nullptr) return std::nullopt;
  if (const auto* value = std::get_if<double>(&entry->value)) return *value;
  if (const auto* value = std::get_if<uint64_t>(&entry->value)) {
    if (*value > static_cast<uint64_t>(kExact))
      return out_of_range(*entry, *value, "number a double can hold");
    return static_cast<double>(*value);
  }
  if (const auto* value = std::get_if<int64_t>(&entry->value)) {
    if (*value > kExact || *value < -kExact) return out_of_range(*entry, *value, "number a double can hold");
    return static_cast<double>(*value);
  }
  return wrong_type(*entry, "a number is");
}

Result<std::optional<bool>> Metadata::get_bool(std::string_view key) const {
  const MetadataEntry* entry = find(key);
  if (entry == nullptr) return std::nullopt;
  if (const auto* value = std::get_if<bool>(&entry->value)) return *value;
  return wrong_type(*entry, "a bool is");
}

Result<std::optional<std::string_view>> Metadata::get_string(std::string_view key) const {
  const MetadataEntry* entry = find(key);
  if (entry == nullptr) return std::nullopt;
  if (const auto* value = std::get_if<std::string_view>(&entry->value)) return *value;
  return wrong_type(*entry, "a string is");
}

Result<std::optional<std::vector<int64_t>>> Metadata::get_int_array(std::string_view key) const {
  const MetadataEntry* entry = find(key);
  if (entry == nullptr) return std::nullopt;
  std::vector<int64_t> items;
  items.reserve(count_of(*entry));
  HEARTH_CHECK_OK(for_each_number(*entry, "integers are", [&]<typename T>(T item) -> Status {
    if constexpr (std::is_same_v<T, double>) {
      return wrong_type(*entry, "integers are");
    } else {
      if constexpr (std::is_same_v<T, uint64_t>) {
        if (item > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
          return out_of_range(*entry, item, "signed 64-bit integer");
        }
      }
      items.push_back(static_cast<int64_t>(item));
      return {};
    }
  }));
  return items;
}

Result<std::optional<std::vector<float>>> Metadata::get_float_array(std::string_view key) const {
  const MetadataEntry* entry = find(key);
  if (entry == nullptr) return std::nullopt;
  std::vector<float> items;
  items.reserve(count_of(*entry));
  HEARTH_CHECK_OK(for_each_number(*entry, "numbers are", [&]<typename T>(T item) -> Status {
    if constexpr (std::is_same_v<T, bool>) {
      return wrong_type(*entry, "numbers are");
    } else if constexpr (std::is_same_v<T, double>) {
      // Values a float64 has and a float32 has not are rounded; those beyond its range are an error.
      if (std::isfinite(item) && std::abs(item) > static_cast<double>(std::numeric_limits<float>::max())) {
        return out_of_range(*entry, item, "32-bit float");
      }
      items.push_back(static_cast<float>(item));
      return {};
    } else {
      constexpr int64_t kExact = 1 << 24;
      if (item > static_cast<T>(kExact) || (std::is_signed_v<T> && item < static_cast<T>(-kExact))) {
        return out_of_range(*entry, item, "number a 32-bit float can hold");
      }
      items.push_back(static_cast<float>(item));
      return {};
    }
  }));
  return items;
}

Result<std::optional<std::span<const std::string_view>>> Metadata::get_string_array(
    std::string_view key) const {
  const MetadataEntry* entry = find(key);
  if (entry == nullptr) return std::nullopt;
  if (const auto* array = std::get_if<Array>(&entry->value);
      array && array->element_type == ValueType::kString) {
    return std::span<const std::string_view>(array->strings);
  }
  return wrong_type(*entry, "an array of strings is");
}

}  // namespace hearth::gguf
