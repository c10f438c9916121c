#include "tensor/cpu/cpu_linear.h"

#include <algorithm>
#include <cstring>

namespace hearth::tensor {
namespace {

// Rows of output that one claim of a thread computes: a multiple of the kernels' panel, small enough to
// share.
constexpr int64_t kPanelRows = 64;

}  // namespace

void matmul_rows(const kernels::KernelTable& kernels, const WeightView& weight, int64_t begin, int64_t end,
                 const float* x, const kernels::QuantizedRows& x_q8, int64_t n_tokens, float* out,
                 int64_t out_stride) {
  kernels.matmul[static_cast<size_t>(weight.dtype)].run({
      .weight = weight.data + static_cast<size_t>(begin) * weight.row_bytes(),
      .weight_row_bytes = weight.row_bytes(),
      .n_out = static_cast<size_t>(end - begin),
      .n_in = static_cast<size_t>(weight.n_in),
      .x_f32 = x,
      .x_q8 = x_q8,
      .n_tokens = static_cast<size_t>(n_tokens),
      .out = out + begin,
      .out_stride = static_cast<size_t>(out_stride),
  });
}

void quantize_rows(const kernels::KernelTable& kernels, ThreadPool& pool, TensorView x, size_t group,
                   const QuantizedScratch& out) {
  pool.parallel_for(static_cast<size_t>(x.n_rows), x.n_rows > 8 ? 4 : 8, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const auto row = static_cast<int64_t>(i);
      kernels.quantize_activations(x.row(row), static_cast<size_t>(x.n_cols), group, out.row(row, x.n_cols));
    }
  });
}

Status CpuLinear::reserve(const BackendLimits& limits) {
  const int64_t single = limits.max_rows > 0 ? limits.max_row_cols / limits.max_rows + 1 : 0;
  const auto cols =
      static_cast<int64_t>(align_up(static_cast<uint64_t>(std::max(limits.max_cols, single)), 32));
  HEARTH_CHECK_OK(quantized_.reserve(limits.max_rows, cols));
  return packed_.reserve(limits.max_rows * cols);
}

void CpuLinear::run(TensorView x, std::span<const LinearOutput> outputs) {
  if (x.n_rows == 0) return;
  // Outputs that read the same kind of activations are computed together; nearly always that is all of them.
  for (const size_t group : {size_t{0}, kernels::kActivationGroup, kernels::kWideActivationGroup}) {
    products_.clear();
    for (const LinearOutput& output : outputs) {
      if (kernels_.matmul[static_cast<size_t>(output.weight.dtype)].activation_group == group) {
        products_.push_back(output);
      }
    }
    if (!products_.empty()) run_products(x, group);
  }
}

void CpuLinear::run_products(TensorView x, size_t activation_group) {
  const kernels::QuantizedRows x_q8 = quantized_.row(0, x.n_cols);
  const float* x_f32 = x.data;
  if (activation_group > 0) {
    quantize_rows(kernels_, pool_, x, activation_group, quantized_);
  } else if (!x.packed()) {
    for (int64_t i = 0; i < x.n_rows; ++i) {
      std::memcpy(packed_.data() + i * x.n_cols, x.row(i), static_cast<size_t>(x.n_cols) * sizeof(float));
    }
    x_f32 = packed_.data();
  }
  int64_t total_rows = 0;
  for (const LinearOutput& output : products_) total_rows += output.weight.n_out;

  // The outputs' rows laid end to end, cut into panels. One user: each thread reads its own contiguous share
  // of the weights. Many rows: panels are claimed as threads get free.
  const int64_t n_threads = pool_.n_threads();
  const int64_t share = (total_rows + n_threads - 1) / n_threads;
  const bool decode = x.n_rows <= 8;
  const int64_t grain = decode ? (share + 15) / 16 * 16 : std::min(kPanelRows, (share + 15) / 16 * 16);
  pool_.parallel_for(
      static_cast<size_t>(total_rows), static_cast<size_t>(grain), [&](size_t begin, size_t end) {
        int64_t first = 0;
        for (const LinearOutput& output : products_) {
          const int64_t from = std::max<int64_t>(static_cast<int64_t>(begin) - first, 0);
          const int64_t to = std::min<int64_t>(static_cast<int64_t>(end) - first, output.weight.n_out);
          first += output.weight.n_out;
          if (from >= to) continue;
          matmul_rows(kernels_, output.weight, from, to, x_f32, x_q8, x.n_rows, output.out.data,
                      output.out.stride);
          if (!output.bias) continue;
          for (int64_t t = 0; t < x.n_rows; ++t) {
            kernels_.add(output.bias.data + from, static_cast<size_t>(to - from), output.out.row(t) + from);
          }
        }
      });
}

}  // namespace hearth::tensor
