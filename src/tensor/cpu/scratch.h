// The CPU backend's working memory: planned by reserve(), never grown in a forward pass.
#pragma once

#include "base/aligned_buffer.h"
#include "base/checked.h"
#include "kernels/kernels.h"
#include "tensor/backend.h"

namespace hearth::tensor {

// Quantised activations of up to `max_rows` rows of `max_cols` columns.
class QuantizedScratch {
 public:
  Status reserve(int64_t max_rows, int64_t max_cols) {
    const auto n = static_cast<size_t>(max_rows) * static_cast<size_t>(max_cols);
    HEARTH_TRY(q_, AlignedBuffer::create(n));
    HEARTH_TRY(scale_, AlignedBuffer::create(n / kernels::kActivationGroup * sizeof(float)));
    HEARTH_TRY(sum_, AlignedBuffer::create(n / 16 * sizeof(int16_t)));
    return {};
  }
  size_t bytes() const { return q_.size() + scale_.size() + sum_.size(); }

  // Row i of rows that are n_cols wide.
  kernels::QuantizedRows row(int64_t i, int64_t n_cols) const {
    const auto first = static_cast<size_t>(i) * static_cast<size_t>(n_cols);
    return {reinterpret_cast<int8_t*>(q_.data()) + first,
            reinterpret_cast<float*>(scale_.data()) + first / kernels::kActivationGroup,
            reinterpret_cast<int16_t*>(sum_.data()) + first / 16};
  }

 private:
  AlignedBuffer q_, scale_, sum_;
};

// A float matrix that is viewed with the shape of the moment.
class FloatScratch {
 public:
  Status reserve(int64_t n_floats) {
    HEARTH_TRY(buffer_, AlignedBuffer::create(static_cast<size_t>(n_floats) * sizeof(float)));
    return {};
  }
  size_t bytes() const { return buffer_.size(); }
  float* data() const { return reinterpret_cast<float*>(buffer_.data()); }
  TensorView view(int64_t n_rows, int64_t n_cols) const { return {data(), n_rows, n_cols, n_cols}; }

 private:
  AlignedBuffer buffer_;
};

}  // namespace hearth::tensor
