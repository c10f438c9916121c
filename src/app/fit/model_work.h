// What a model makes the machine do for a token, counted from its shape: bytes to read and multiplications.
#pragma once

#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "gguf/model_file.h"
#include "model/model_config.h"
#include "tensor/tensor_view.h"

namespace hearth::app {

class ModelWork {
 public:
  ModelWork(const model::ModelConfig& config, kernels::DType kv_dtype)
      : config_(config), kv_dtype_(kv_dtype) {}

  // A tensor of the model; dims in GGUF order. `data` where it is in memory, which is borrowed.
  void add(std::string_view name, kernels::DType dtype, std::span<const uint64_t> dims,
           const std::byte* data = nullptr);
  // To be called after all tensors: a model without an output matrix uses its embeddings once more.
  void finish();

  // Matrices of one type, experts apart.
  struct Product {
    double decode_bytes = 0;                   // read to write one token
    double prefill_values = 0;                 // multiplied for one token of a prompt
    std::vector<tensor::WeightView> matrices;  // views without data are shapes alone
  };
  const std::map<kernels::DType, Product>& products() const { return products_; }

  // The stacks of a layer's experts; either gate and up or gate_up.
  struct Experts {
    tensor::WeightView gate, up, gate_up, down;
    size_t bytes() const { return gate.bytes() + up.bytes() + gate_up.bytes() + down.bytes(); }
  };
  const std::map<int64_t, Experts>& experts() const { return experts_; }  // by layer
  int64_t n_experts_used() const { return config_.moe.n_used; }
  double expert_bytes() const;  // read to write one token

  double cache_bytes(int64_t depth) const;     // keys and values that one token looks at
  double attention_macs(int64_t depth) const;  // for a token of a prompt at that depth
  double element_operations() const;           // values that norms, activations and sums touch
  int64_t n_layers() const { return config_.n_layers; }
  int64_t expert_rows(int64_t step_rows) const;  // of a step, that an expert gets
  uint64_t weight_bytes() const { return weight_bytes_; }

 private:
  int64_t visible(const model::LayerConfig& layer, int64_t depth) const;
  int64_t n_prefill_layers() const { return config_.last_kv_layer() + 1; }

  model::ModelConfig config_;
  kernels::DType kv_dtype_;
  std::map<kernels::DType, Product> products_;
  std::map<int64_t, Experts> experts_;
  uint64_t weight_bytes_ = 0;
  bool has_output_ = false;
  tensor::WeightView embedding_;
};

}  // namespace hearth::app
