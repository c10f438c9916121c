// A Backend that hands every operation to another one: the base of those that watch some of them. Memory and
// scratch are the other backend's, so that one RunState and one cache serve both.
#pragma once

#include "tensor/backend.h"

namespace hearth::tensor {

// One thread at a time, as any Backend. Borrows the other.
class ForwardingBackend : public Backend {
 public:
  explicit ForwardingBackend(Backend& inner) : inner_(inner) {}

  std::string_view name() const override { return inner_.name(); }
  Result<std::unique_ptr<DeviceMemory>> allocate(size_t bytes) override { return inner_.allocate(bytes); }
  Status reserve(const BackendLimits& limits) override { return inner_.reserve(limits); }
  size_t scratch_bytes() const override { return inner_.scratch_bytes(); }

  void embed(const WeightView& table, std::span<const int32_t> ids, int64_t first_col, float scale,
             TensorView out) override {
    inner_.embed(table, ids, first_col, scale, out);
  }
  void gather_rows(TensorView x, std::span<const int32_t> rows, TensorView out) override {
    inner_.gather_rows(x, rows, out);
  }
  void copy(TensorView x, TensorView out) override { inner_.copy(x, out); }
  void rms_norm(TensorView x, VectorView weight, float eps, TensorView out) override {
    inner_.rms_norm(x, weight, eps, out);
  }
  void layer_norm(TensorView x, VectorView weight, VectorView bias, float eps, TensorView out) override {
    inner_.layer_norm(x, weight, bias, eps, out);
  }
  void linear(TensorView x, std::span<const LinearOutput> outputs) override { inner_.linear(x, outputs); }
  void rope(TensorView x, int64_t head_dim, bool interleaved, TensorView cos, TensorView sin) override {
    inner_.rope(x, head_dim, interleaved, cos, sin);
  }
  void store_kv(TensorView k, TensorView v, const KvLayer& kv, const RowMap& rows) override {
    inner_.store_kv(k, v, kv, rows);
  }
  void attention(const AttentionArgs& args) override { inner_.attention(args); }
  void gated_activation(Activation activation, TensorView gate, TensorView up, TensorView out) override {
    inner_.gated_activation(activation, gate, up, out);
  }
  void gelu(TensorView x) override { inner_.gelu(x); }
  void moe(const MoeArgs& args) override { inner_.moe(args); }
  void add(TensorView x, TensorView out) override { inner_.add(x, out); }
  void add_vector(VectorView x, TensorView out) override { inner_.add_vector(x, out); }
  void multiply(float factor, TensorView out) override { inner_.multiply(factor, out); }
  void multiply_vector(VectorView x, TensorView out) override { inner_.multiply_vector(x, out); }
  void softcap(float cap, TensorView out) override { inner_.softcap(cap, out); }

 protected:
  Backend& inner() { return inner_; }

 private:
  Backend& inner_;
};

}  // namespace hearth::tensor
