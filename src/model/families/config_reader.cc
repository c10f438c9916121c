#include "model/families/config_reader.h"

namespace hearth::model {
namespace {

template <typename T>
Result<T> in_range(std::string_view key, T value, T low, T high) {
  if (value >= low && value <= high) return value;  // false for NaN
  return fail(ErrorCategory::kCorrupt, "key {}: {} is not between {} and {}", key, value, low, high);
}

}  // namespace

Result<int64_t> ConfigReader::integer(std::string_view key, int64_t low, int64_t high) const {
  if (!has(key)) return fail(ErrorCategory::kCorrupt, "key {}{} is missing", prefix_, key);
  return integer_or(key, 0, low, high);
}

Result<int64_t> ConfigReader::integer_or(std::string_view key, int64_t fallback, int64_t low,
                                         int64_t high) const {
  const std::string full = prefix_ + std::string(key);
  HEARTH_TRY(const std::optional<uint64_t> value, metadata_.get_uint(full));
  if (!value) return fallback;
  if (*value > static_cast<uint64_t>(high)) {
    return fail(ErrorCategory::kCorrupt, "key {}: {} is not between {} and {}", full, *value, low, high);
  }
  return in_range(full, static_cast<int64_t>(*value), low, high);
}

Result<double> ConfigReader::number(std::string_view key, double low, double high) const {
  if (!has(key)) return fail(ErrorCategory::kCorrupt, "key {}{} is missing", prefix_, key);
  return number_or(key, 0, low, high);
}

Result<double> ConfigReader::number_or(std::string_view key, double fallback, double low, double high) const {
  const std::string full = prefix_ + std::string(key);
  HEARTH_TRY(const std::optional<double> value, metadata_.get_float(full));
  if (!value) return fallback;
  return in_range(full, *value, low, high);
}

Result<std::optional<std::string_view>> ConfigReader::string(std::string_view key) const {
  return metadata_.get_string(prefix_ + std::string(key));
}

Result<std::vector<int64_t>> ConfigReader::per_layer(std::string_view key, int64_t n_layers, int64_t low,
                                                     int64_t high) const {
  const std::string full = prefix_ + std::string(key);
  HEARTH_TRY(std::optional<std::vector<int64_t>> values, metadata_.get_int_array(full));
  if (!values) return fail(ErrorCategory::kCorrupt, "key {} is missing", full);
  if (values->size() == 1) values->resize(static_cast<size_t>(n_layers), values->front());
  if (values->size() != static_cast<size_t>(n_layers)) {
    return fail(ErrorCategory::kCorrupt, "key {}: {} values for {} layers", full, values->size(), n_layers);
  }
  for (const int64_t value : *values) HEARTH_CHECK_OK(in_range(full, value, low, high));
  return *std::move(values);
}

}  // namespace hearth::model
