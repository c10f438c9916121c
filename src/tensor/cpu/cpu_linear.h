// Products of activations with weight matrices, split over threads by rows of output.
#pragma once

#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "tensor/cpu/scratch.h"

namespace hearth::tensor {

class CpuLinear {
 public:
  CpuLinear(const kernels::KernelTable& kernels, ThreadPool& pool) : kernels_(kernels), pool_(pool) {}

  Status reserve(const BackendLimits& limits);
  size_t scratch_bytes() const { return quantized_.bytes() + packed_.bytes(); }

  void run(TensorView x, std::span<const LinearOutput> outputs);

 private:
  // products_, whose formats all read activations of this group (MatmulKernel::activation_group).
  void run_products(TensorView x, size_t activation_group);

  const kernels::KernelTable& kernels_;
  ThreadPool& pool_;
  QuantizedScratch quantized_;
  FloatScratch packed_;  // kernels want rows without gaps
  std::vector<LinearOutput> products_;
};

// x -> int8 with a scale to each `group` columns, all rows.
void quantize_rows(const kernels::KernelTable& kernels, ThreadPool& pool, TensorView x, size_t group,
                   const QuantizedScratch& out);

// Rows [begin, end) of one product; the shared step of linear and the experts.
void matmul_rows(const kernels::KernelTable& kernels, const WeightView& weight, int64_t begin, int64_t end,
                 const float* x, const kernels::QuantizedRows& x_q8, int64_t n_tokens, float* out,
                 int64_t out_stride);

}  // namespace hearth::tensor
