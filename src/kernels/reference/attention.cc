#include <cmath>
#include <limits>

#include "kernels/float_bits.h"
#include "kernels/quant_blocks.h"
#include "kernels/reference/reference.h"

namespace hearth::kernels::reference {
namespace {

// Element i of a row of stored keys or values.
float load_element(const uint8_t* row, DType dtype, size_t i) {
  if (dtype == DType::kF32) {
    float value;
    std::memcpy(&value, row + 4 * i, sizeof value);
    return value;
  }
  if (dtype == DType::kF16) return load_f16(row + 2 * i);
  const uint8_t* block = row + i / 32 * sizeof(BlockQ8_0);
  return load_f16(block) * static_cast<float>(static_cast<int8_t>(block[2 + i % 32]));
}

}  // namespace

void attend(const AttendArgs& a) {
  const auto* keys = static_cast<const uint8_t*>(a.keys);
  const auto* values = static_cast<const uint8_t*>(a.values);
  const size_t key_bytes = row_bytes(a.dtype, a.head_dim);
  const size_t value_bytes = row_bytes(a.dtype, a.value_dim);
  float scores[kMaxAttendPositions];

  for (size_t r = 0; r < a.n_rows; r++) {
    const auto first = static_cast<size_t>(a.first_visible[r] > 0 ? a.first_visible[r] : 0);
    const auto end = a.end_visible[r] > 0 ? static_cast<size_t>(a.end_visible[r]) : 0;
    const size_t stop = end < a.n_positions ? end : a.n_positions;
    if (first >= stop) continue;

    float max = -std::numeric_limits<float>::infinity();
    for (size_t p = first; p < stop; p++) {
      double dot = 0;
      for (size_t i = 0; i < a.head_dim; i++) {
        dot += static_cast<double>(a.q[r * a.q_stride + i]) * load_element(keys + p * key_bytes, a.dtype, i);
      }
      double score = dot * a.scale;
      if (a.softcap > 0) score = a.softcap * std::tanh(score / a.softcap);
      scores[p] = static_cast<float>(score);
      max = scores[p] > max ? scores[p] : max;
    }

    float* o = a.o + r * a.value_dim;
    const float new_max = a.m[r] > max ? a.m[r] : max;
    const float rescale = std::exp(a.m[r] - new_max);  // 0 the first time: m is -inf
    a.m[r] = new_max;
    double sum = static_cast<double>(a.s[r]) * rescale;
    for (size_t i = 0; i < a.value_dim; i++) o[i] *= rescale;
    for (size_t p = first; p < stop; p++) {
      const float weight = std::exp(scores[p] - new_max);
      sum += weight;
      for (size_t i = 0; i < a.value_dim; i++) {
        o[i] += weight * load_element(values + p * value_bytes, a.dtype, i);
      }
    }
    a.s[r] = static_cast<float>(sum);
  }
}

}  // namespace hearth::kernels::reference
