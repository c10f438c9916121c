#include "tensor/cpu/cpu_backend.h"

#include <cstring>

#include "tensor/cpu/cpu_attention.h"
#include "tensor/cpu/cpu_linear.h"
#include "tensor/cpu/cpu_moe.h"

namespace hearth::tensor {
namespace {

class CpuMemory : public DeviceMemory {
 public:
  explicit CpuMemory(AlignedBuffer buffer) : buffer_(std::move(buffer)) {}
  std::byte* data() const override { return buffer_.data(); }
  size_t size() const override { return buffer_.size(); }

 private:
  AlignedBuffer buffer_;
};

class CpuBackend : public Backend {
 public:
  CpuBackend(const kernels::KernelTable& kernels, ThreadPool& pool)
      : kernels_(kernels),
        pool_(pool),
        linear_(kernels, pool),
        attention_(kernels, pool),
        moe_(kernels, pool) {}

  std::string_view name() const override { return kernels_.name; }

  Result<std::unique_ptr<DeviceMemory>> allocate(size_t bytes) override {
    HEARTH_TRY(AlignedBuffer buffer, AlignedBuffer::create(bytes));
    return std::make_unique<CpuMemory>(std::move(buffer));
  }

  Status reserve(const BackendLimits& limits) override {
    HEARTH_CHECK_OK(linear_.reserve(limits));
    HEARTH_CHECK_OK(attention_.reserve(limits));
    return moe_.reserve(limits);
  }

  size_t scratch_bytes() const override {
    return linear_.scratch_bytes() + attention_.scratch_bytes() + moe_.scratch_bytes();
  }

  void embed(const WeightView& table, std::span<const int32_t> ids, int64_t first_col, float scale,
             TensorView out) override {
    const auto dequantize = kernels_.dequantize_row[static_cast<size_t>(table.dtype)];
    const size_t offset = kernels::row_bytes(table.dtype, static_cast<size_t>(first_col));
    for_rows(out, [&](int64_t i) {
      dequantize(table.data + static_cast<size_t>(ids[static_cast<size_t>(i)]) * table.row_bytes() + offset,
                 out.row(i), static_cast<size_t>(out.n_cols));
      if (scale != 1.0f) kernels_.multiply(out.row(i), scale, static_cast<size_t>(out.n_cols));
    });
  }

  void gather_rows(TensorView x, std::span<const int32_t> rows, TensorView out) override {
    // One after the other: with rising indices this is right even when out is x.
    for (size_t i = 0; i < rows.size(); ++i) {
      std::memmove(out.row(static_cast<int64_t>(i)), x.row(rows[i]),
                   static_cast<size_t>(x.n_cols) * sizeof(float));
    }
  }

  void copy(TensorView x, TensorView out) override {
    for_rows(x, [&](int64_t i) {
      std::memcpy(out.row(i), x.row(i), static_cast<size_t>(x.n_cols) * sizeof(float));
    });
  }

  void rms_norm(TensorView x, VectorView weight, float eps, TensorView out) override {
    for_rows(x, [&](int64_t i) {
      kernels_.rms_norm(x.row(i), weight.data, static_cast<size_t>(x.n_cols), eps, out.row(i));
    });
  }

  void layer_norm(TensorView x, VectorView weight, VectorView bias, float eps, TensorView out) override {
    for_rows(x, [&](int64_t i) {
      kernels_.layer_norm(x.row(i), weight.data, bias.data, static_cast<size_t>(x.n_cols), eps, out.row(i));
    });
  }

  void linear(TensorView x, std::span<const LinearOutput> outputs) override { linear_.run(x, outputs); }

  void rope(TensorView x, int64_t head_dim, bool interleaved, TensorView cos, TensorView sin) override {
    for_rows(x, [&](int64_t i) {
      kernels_.rope({.x = x.row(i),
                     .n_heads = static_cast<size_t>(x.n_cols / head_dim),
                     .head_dim = static_cast<size_t>(head_dim),
                     .n_pairs = static_cast<size_t>(cos.n_cols),
                     .interleaved = interleaved,
                     .cos = cos.row(i),
                     .sin = sin.row(i)});
    });
  }

  void store_kv(TensorView k, TensorView v, const KvLayer& kv, const RowMap& rows) override {
    attention_.store(k, v, kv, rows);
  }
  void attention(const AttentionArgs& args) override { attention_.run(args); }

  void gated_activation(Activation activation, TensorView gate, TensorView up, TensorView out) override {
    const auto apply = activation == Activation::kSilu ? kernels_.silu_mul : kernels_.gelu_tanh_mul;
    for_rows(gate,
             [&](int64_t i) { apply(gate.row(i), up.row(i), static_cast<size_t>(gate.n_cols), out.row(i)); });
  }

  void gelu(TensorView x) override {
    for_rows(x, [&](int64_t i) { kernels_.gelu_tanh(x.row(i), static_cast<size_t>(x.n_cols)); });
  }

  void moe(const MoeArgs& args) override { moe_.run(args); }

  void add(TensorView x, TensorView out) override {
    for_rows(out, [&](int64_t i) { kernels_.add(x.row(i), static_cast<size_t>(out.n_cols), out.row(i)); });
  }

  void add_vector(VectorView x, TensorView out) override {
    for_rows(out, [&](int64_t i) { kernels_.add(x.data, static_cast<size_t>(out.n_cols), out.row(i)); });
  }

  void multiply(float factor, TensorView out) override {
    for_rows(out, [&](int64_t i) { kernels_.multiply(out.row(i), factor, static_cast<size_t>(out.n_cols)); });
  }

  void multiply_vector(VectorView x, TensorView out) override {
    for_rows(out, [&](int64_t i) {
      float* row = out.row(i);
      for (int64_t j = 0; j < out.n_cols; ++j) row[j] *= x.data[j];
    });
  }

  void softcap(float cap, TensorView out) override {
    constexpr int64_t kPiece = 4096;  // one row of logits is work for all threads
    const auto pieces = static_cast<size_t>((out.n_cols + kPiece - 1) / kPiece);
    pool_.parallel_for(static_cast<size_t>(out.n_rows) * pieces, 4, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const auto first = static_cast<int64_t>(i % pieces) * kPiece;
        kernels_.softcap(out.row(static_cast<int64_t>(i / pieces)) + first, cap,
                         static_cast<size_t>(std::min(kPiece, out.n_cols - first)));
      }
    });
  }

 private:
  // Calls body(row) for each row of `shape`, on all threads when there is enough to do.
  template <typename Body>
  void for_rows(const TensorView& shape, Body body) {
    constexpr int64_t kWorthSharing = 32768;  // values; below, waking the others costs more than it saves
    const auto n_rows = static_cast<size_t>(shape.n_rows);
    const auto grain = shape.n_rows * shape.n_cols < kWorthSharing
                           ? n_rows
                           : static_cast<size_t>(std::max<int64_t>(
                                 1, kWorthSharing / 4 / std::max<int64_t>(shape.n_cols, 1)));
    pool_.parallel_for(n_rows, grain, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) body(static_cast<int64_t>(i));
    });
  }

  const kernels::KernelTable& kernels_;
  ThreadPool& pool_;
  CpuLinear linear_;
  CpuAttention attention_;
  CpuMoe moe_;
};

}  // namespace

std::unique_ptr<Backend> create_cpu_backend(const kernels::KernelTable& kernels, ThreadPool& pool) {
  return std::make_unique<CpuBackend>(kernels, pool);
}

}  // namespace hearth::tensor
