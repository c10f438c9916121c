// The working memory of a forward pass: every activation buffer, allocated once for the largest batch.
#pragma once

#include <memory>
#include <vector>

#include "model/model_config.h"
#include "tensor/backend.h"

namespace hearth::model {

struct RunLimits {
  int64_t max_rows = 256;     // tokens in one batch
  int64_t max_outputs = 256;  // rows of one batch whose output is asked for
  bool logits = true;         // false: the passes of a decoder give hidden rows only
};

class RunState {
 public:
  static Result<RunState> create(const ModelConfig& config, const RunLimits& limits,
                                 tensor::Backend& backend);

  // The bytes create() will take, the backend's scratch excluded; and of them, those of the logits.
  static size_t planned_bytes(const ModelConfig& config, const RunLimits& limits);
  static size_t planned_logit_bytes(const ModelConfig& config, const RunLimits& limits);
  // What create() has the backend reserve.
  static tensor::BackendLimits backend_limits(const ModelConfig& config, const RunLimits& limits);

  const RunLimits& limits() const { return limits_; }
  size_t bytes() const { return memory_->size(); }

  // Views with max_rows rows; a pass uses the first n of them. Widths in values.
  tensor::TensorView x;                // width: the residual stream
  tensor::TensorView h;                // width: normalised input of a block
  tensor::TensorView y;                // width: output of a block
  tensor::TensorView z;                // width: second branch of a mixture of experts
  tensor::TensorView q;                // widest n_heads · head_dim
  tensor::TensorView k, v;             // widest n_kv_heads · head_dim
  tensor::TensorView attention;        // as q
  tensor::TensorView gate, up;         // widest feed-forward
  tensor::TensorView router;           // n_experts
  tensor::TensorView cos[2], sin[2];   // half of the rotary dimensions, by AttentionKind
  tensor::TensorView per_layer_early;  // inputs of the layers up to the last one that owns keys
  tensor::TensorView per_layer_late;   // of the others; max_outputs rows
  tensor::TensorView per_layer_gate;   // per_layer_input_dim
  tensor::TensorView per_layer_slice;  // per_layer_input_dim
  tensor::TensorView logits;           // [max_outputs, vocab_size], of decoders

  // Host-side lists, sized once.
  std::vector<int32_t> output_sequence, output_position;  // the row map after the cut to requested rows

 private:
  struct Layout;
  RunLimits limits_;
  std::unique_ptr<tensor::DeviceMemory> memory_;
};

}  // namespace hearth::model
