// The seam between models and devices: the operations a forward pass is made of. Model code calls these on
// views and nothing else, so that another device is another Backend and no other change.
//
// Operations run in call order; each returns when its result may be read by the next one. Shapes are the
// caller's responsibility (they were checked when the model was loaded). One Backend belongs to one engine
// thread; several backends may share a ThreadPool. Results do not depend on the number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"
#include "tensor/kv_view.h"
#include "tensor/tensor_view.h"

namespace hearth::tensor {

enum class Activation { kSilu, kGeluTanh };

// Memory of the backend's device, zero-filled, freed with the object.
class DeviceMemory {
 public:
  virtual ~DeviceMemory() = default;
  virtual std::byte* data() const = 0;
  virtual size_t size() const = 0;
};

// One product of a `linear`: out = x·Wᵀ (+ bias).
struct LinearOutput {
  WeightView weight;
  VectorView bias;
  TensorView out;  // [x.n_rows, weight.n_out]
};

struct AttentionArgs {
  TensorView q;  // [rows, n_heads · key_dim], rotated
  const KvLayer* kv = nullptr;
  const RowMap* rows = nullptr;
  int n_heads = 0;
  float scale = 1;
  float softcap = 0;  // 0 = none
  int window = 0;     // sliding: visible iff |distance| allows it (see symmetric); 0 = all
  bool causal = true;
  // Causal: key p is visible to query q iff p <= q and, with a window W, q - p < W.
  // Not causal: every stored position, with a window those with |q - p| <= W/2.
  TensorView out;  // [rows, n_heads · value_dim]
};

// Mixture of experts: for each row the n_used experts of highest probability, their gated feed-forward
// outputs summed with the router's weights.
struct MoeArgs {
  TensorView x;              // [rows, n_in] input of the experts
  TensorView router_logits;  // [rows, n_experts]; softmax over all, then top n_used
  int n_used = 0;
  bool renormalise = true;  // the chosen weights are scaled to sum to 1
  VectorView expert_scale;  // optional, multiplied after renormalising
  WeightView gate, up;      // stacks [n_experts][ffn, n_in]; with gate_up set both are empty
  WeightView gate_up;       // stack [n_experts][2·ffn, n_in]: gate rows, then up rows
  WeightView down;          // stack [n_experts][n_out, ffn]
  Activation activation = Activation::kSilu;
  TensorView out;  // [rows, n_out]
};

// The largest shapes that will be asked for, so that scratch memory is planned once.
struct BackendLimits {
  int64_t max_rows = 0;
  int64_t max_cols = 0;      // widest input of a linear
  int64_t max_row_cols = 0;  // the same of one that has a single row; 0 = not wider
  int64_t max_head_dim = 0;
  int64_t max_head_group = 1;   // query heads that share a KV head
  int64_t max_expert_rows = 0;  // max_rows · n_used, 0 without experts
  int64_t max_expert_cols = 0;  // widest of n_in, 2·ffn and n_out of an expert
  int64_t max_experts = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;

  virtual std::string_view name() const = 0;
  virtual Result<std::unique_ptr<DeviceMemory>> allocate(size_t bytes) = 0;
  virtual Status reserve(const BackendLimits& limits) = 0;
  virtual size_t scratch_bytes() const = 0;

  // out[i] = scale · table[ids[i]]; columns [first_col, first_col + out.n_cols), block-aligned.
  virtual void embed(const WeightView& table, std::span<const int32_t> ids, int64_t first_col, float scale,
                     TensorView out) = 0;
  virtual void gather_rows(TensorView x, std::span<const int32_t> rows, TensorView out) = 0;
  virtual void copy(TensorView x, TensorView out) = 0;

  // Row by row; `weight` may be empty (ones). out may be x.
  virtual void rms_norm(TensorView x, VectorView weight, float eps, TensorView out) = 0;
  virtual void layer_norm(TensorView x, VectorView weight, VectorView bias, float eps, TensorView out) = 0;

  // Several products of one input, which is read and quantised once.
  virtual void linear(TensorView x, std::span<const LinearOutput> outputs) = 0;

  // cos, sin: [rows, n_pairs] of each row's position; x: [rows, n_heads · head_dim]. kernels/kernels.h
  // RopeArgs.
  virtual void rope(TensorView x, int64_t head_dim, bool interleaved, TensorView cos, TensorView sin) = 0;
  // k: [rows, n_kv_heads · key_dim], v likewise, into the rows' places.
  virtual void store_kv(TensorView k, TensorView v, const KvLayer& kv, const RowMap& rows) = 0;
  virtual void attention(const AttentionArgs& args) = 0;

  virtual void gated_activation(Activation activation, TensorView gate, TensorView up, TensorView out) = 0;
  virtual void gelu(TensorView x) = 0;
  virtual void moe(const MoeArgs& args) = 0;

  virtual void add(TensorView x, TensorView out) = 0;         // out += x
  virtual void add_vector(VectorView x, TensorView out) = 0;  // out += x, to each row
  virtual void multiply(float factor, TensorView out) = 0;
  virtual void multiply_vector(VectorView x, TensorView out) = 0;  // out *= x, each row
  virtual void softcap(float cap, TensorView out) = 0;
};

}  // namespace hearth::tensor
