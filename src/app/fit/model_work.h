// What a model makes the machine do for a token, counted from its shape: bytes to read and multiplications.
#pragma once

#include <map>
#include <string_view>

#include "gguf/model_file.h"
#include "model/model_config.h"

namespace hearth::app {

class ModelWork {
 public:
  ModelWork(const model::ModelConfig& config, kernels::DType kv_dtype)
      : config_(config), kv_dtype_(kv_dtype) {}

  // A tensor of the model; dims in GGUF order.
  void add(std::string_view name, kernels::DType dtype, uint64_t n_elements, uint64_t n_dims);
  // To be called after all tensors: a model without an output matrix uses its embeddings once more.
  void finish();

  struct Product {
    double decode_bytes = 0;    // read to write one token
    double prefill_values = 0;  // multiplied for one token of a prompt
  };
  const std::map<kernels::DType, Product>& products() const { return products_; }

  double cache_bytes(int64_t depth) const;     // keys and values that one token looks at
  double attention_macs(int64_t depth) const;  // for a token of a prompt at that depth
  double element_operations() const;           // values that norms, activations and sums touch
  int64_t n_operations() const;                // calls of a pass that all threads wait for
  uint64_t weight_bytes() const { return weight_bytes_; }

 private:
  int64_t visible(const model::LayerConfig& layer, int64_t depth) const;
  int64_t n_prefill_layers() const { return config_.last_kv_layer() + 1; }

  model::ModelConfig config_;
  kernels::DType kv_dtype_;
  std::map<kernels::DType, Product> products_;
  uint64_t weight_bytes_ = 0;
  bool has_output_ = false;
  kernels::DType embedding_dtype_ = kernels::DType::kF32;
  double embedding_bytes_ = 0;
};

}  // namespace hearth::app
