// The tensors of each architecture: names, shapes and what their random values should look like.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "catalogue/model_spec.h"

namespace hearth::catalogue {

// Values are mean + deviation * N(0, 1), unless they are given.
struct ModelTensor {
  std::string name;
  std::vector<uint64_t> dims;  // GGUF order
  float mean = 0;
  float deviation = 0;
  std::vector<float> values = {};

  uint64_t n_elements() const;
};

// In the order in which converters write them.
std::vector<ModelTensor> list_tensors(const ModelSpec& spec);

}  // namespace hearth::catalogue
