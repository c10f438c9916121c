// Views of activations and weights. Views never own: activations live in a RunState, weights in a mapped
// file.
//
// Model code passes views to a Backend and does not look behind them: on another device `data` is an address
// there.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/dtype.h"

namespace hearth::tensor {

using kernels::DType;

// float32 activations: [n_rows, n_cols], rows `stride` floats apart.
struct TensorView {
  float* data = nullptr;
  int64_t n_rows = 0;
  int64_t n_cols = 0;
  int64_t stride = 0;

  float* row(int64_t i) const { return data + i * stride; }
  bool packed() const { return stride == n_cols; }

  TensorView rows(int64_t begin, int64_t count) const {
    return {data + begin * stride, count, n_cols, stride};
  }
  TensorView cols(int64_t begin, int64_t count) const { return {data + begin, n_rows, count, stride}; }
  // The same memory with rows cut into pieces of `width` (heads); only for packed views.
  TensorView split_rows(int64_t width) const { return {data, n_rows * (n_cols / width), width, width}; }
};

// A stack of n_matrices weight matrices [n_out, n_in] in a storage format, rows and matrices packed.
// y = W·x takes n_in values to n_out.
struct WeightView {
  const std::byte* data = nullptr;
  DType dtype = DType::kF32;
  int64_t n_in = 0;
  int64_t n_out = 0;
  int64_t n_matrices = 1;

  explicit operator bool() const { return data != nullptr; }
  size_t row_bytes() const { return kernels::row_bytes(dtype, static_cast<size_t>(n_in)); }
  size_t bytes() const { return row_bytes() * static_cast<size_t>(n_out * n_matrices); }

  WeightView rows(int64_t begin, int64_t count) const {
    return {data + static_cast<size_t>(begin) * row_bytes(), dtype, n_in, count, 1};
  }
  WeightView matrix(int64_t index) const {
    return {data + static_cast<size_t>(index * n_out) * row_bytes(), dtype, n_in, n_out, 1};
  }
};

// A float32 parameter vector: norm weights, biases, per-expert scales.
struct VectorView {
  const float* data = nullptr;
  int64_t size = 0;

  explicit operator bool() const { return data != nullptr; }
};

}  // namespace hearth::tensor
