// float32 to every storage format: the inverse of the kernels' dequantize_row, with the scales that lose
// least. Block layouts: kernels/quant_blocks.h.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"
#include "kernels/dtype.h"

namespace hearth::convert {

// Whether a format can hold the values: kCorrupt for one that is not finite, kUnsupported for one beyond the
// largest half (65504), which all but F32 and BF16 need for their scales.
Status check_values(kernels::DType dtype, std::span<const float> x);

// One row: x passed check_values(), its size is a multiple of the block size, `out` has row_bytes() of room.
// `weights` says what a squared error in each column weighs; null: all the same. Errors of a block of zero
// weight count nothing, so weights should be above zero. Any thread; the result depends on nothing else.
void quantize_row(kernels::DType dtype, std::span<const float> x, const float* weights, std::byte* out);

}  // namespace hearth::convert
