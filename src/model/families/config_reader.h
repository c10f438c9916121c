// Reads "<architecture>.<key>" with ranges, for the families.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/model_file.h"

namespace hearth::model {

class ConfigReader {
 public:
  ConfigReader(const gguf::Metadata& metadata, std::string_view architecture)
      : metadata_(metadata), prefix_(std::string(architecture) + ".") {}

  // Errors name the full key. `integer` without a fallback requires the key.
  Result<int64_t> integer(std::string_view key, int64_t low, int64_t high) const;
  Result<int64_t> integer_or(std::string_view key, int64_t fallback, int64_t low, int64_t high) const;
  Result<double> number(std::string_view key, double low, double high) const;
  Result<double> number_or(std::string_view key, double fallback, double low, double high) const;
  Result<std::optional<std::string_view>> string(std::string_view key) const;
  // One value per layer: a scalar is repeated, an array must have n_layers elements.
  Result<std::vector<int64_t>> per_layer(std::string_view key, int64_t n_layers, int64_t low,
                                         int64_t high) const;
  bool has(std::string_view key) const { return metadata_.find(prefix_ + std::string(key)) != nullptr; }

 private:
  const gguf::Metadata& metadata_;
  std::string prefix_;
};

}  // namespace hearth::model
