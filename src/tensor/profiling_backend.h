// Notes of every operation how long it took, and the bytes and multiply-accumulates it needs at least. A pass
// that is not profiled runs on the other backend, with nothing in between.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tensor/forwarding_backend.h"

namespace hearth::tensor {

// What an operation has to move and multiply, each datum counted once per call however often it is fetched.
struct Work {
  double weight_bytes = 0;      // of weights and embedding rows; of experts, those that were chosen
  double cache_bytes = 0;       // keys and values, read or written
  double activation_bytes = 0;  // float32 in and out; in caches rather than memory when rows are few
  double macs = 0;              // multiply-accumulates of products and attention

  Work& operator+=(const Work& other);
};

struct Phase {
  std::string name;
  int64_t calls = 0;
  double seconds = 0;
  Work work;
};

// One thread at a time, as any Backend.
class ProfilingBackend final : public ForwardingBackend {
 public:
  explicit ProfilingBackend(Backend& inner) : ForwardingBackend(inner) {}

  // The phase that products with this weight, or with some of its rows, count under; "linear" where none was
  // given.
  void name_weight(const WeightView& weight, const std::string& phase);

  const std::vector<Phase>& phases() const { return phases_; }  // by first call
  Work total() const;
  void reset() { phases_.clear(); }

  void embed(const WeightView& table, std::span<const int32_t> ids, int64_t first_col, float scale,
             TensorView out) override;
  void gather_rows(TensorView x, std::span<const int32_t> rows, TensorView out) override;
  void copy(TensorView x, TensorView out) override;
  void rms_norm(TensorView x, VectorView weight, float eps, TensorView out) override;
  void layer_norm(TensorView x, VectorView weight, VectorView bias, float eps, TensorView out) override;
  void linear(TensorView x, std::span<const LinearOutput> outputs) override;
  void rope(TensorView x, int64_t head_dim, bool interleaved, TensorView cos, TensorView sin) override;
  void store_kv(TensorView k, TensorView v, const KvLayer& kv, const RowMap& rows) override;
  void attention(const AttentionArgs& args) override;
  void gated_activation(Activation activation, TensorView gate, TensorView up, TensorView out) override;
  void gelu(TensorView x) override;
  void moe(const MoeArgs& args) override;
  void add(TensorView x, TensorView out) override;
  void add_vector(VectorView x, TensorView out) override;
  void multiply(float factor, TensorView out) override;
  void multiply_vector(VectorView x, TensorView out) override;
  void softcap(float cap, TensorView out) override;

 private:
  struct NamedWeight {
    const std::byte* end;
    std::string phase;
  };

  template <typename Operation>
  void record(std::string_view phase, const Work& work, Operation operation);
  std::string_view phase_of(const WeightView& weight) const;

  std::map<const std::byte*, NamedWeight> named_;  // by first byte
  std::vector<Phase> phases_;
};

}  // namespace hearth::tensor
