#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/float_bits.h"
#include "kernels/quant_blocks.h"
#include "kernels/reference/reference.h"

namespace hearth::kernels::reference {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

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

float score(const AttendArgs& a, size_t row, size_t position) {
  const AttendBlock& block = a.blocks[position / kAttendBlock];
  const uint8_t* key =
      static_cast<const uint8_t*>(block.keys) + position % kAttendBlock * row_bytes(a.dtype, a.head_dim);
  double dot = 0;
  for (size_t i = 0; i < a.head_dim; i++) {
    dot += static_cast<double>(a.q[row * a.q_stride + i]) * load_element(key, a.dtype, i);
  }
  double score = dot * a.scale;
  if (a.softcap > 0) score = a.softcap * std::tanh(score / a.softcap);
  return static_cast<float>(score);
}

// The factors that an online softmax and another part take when they merge; updates its maximum and sum.
struct Factors {
  float keep, add;

  Factors(float part_m, float part_s, float& m, float& s) {
    const float max = std::max(m, part_m);
    keep = std::exp(m - max);  // 0 the first time: m is -inf
    add = std::exp(part_m - max);
    m = max;
    s = merged(s, part_s);
  }
  float merged(float x, float part) const { return x * keep + part * add; }
};

// Positions [begin, end) of one span, of which the row sees all.
void attend_span(const AttendArgs& a, size_t row, size_t begin, size_t end) {
  float weights[kAttendSpan];
  float max = -kInfinity;
  for (size_t p = begin; p < end; p++) {
    weights[p - begin] = score(a, row, p);
    max = std::max(max, weights[p - begin]);
  }
  if (max == -kInfinity) return;
  double sum = 0;
  for (size_t p = begin; p < end; p++) {
    weights[p - begin] = std::exp(weights[p - begin] - max);
    sum += weights[p - begin];
  }
  const Factors factors(max, static_cast<float>(sum), a.state.m[row], a.state.s[row]);
  const size_t value_bytes = row_bytes(a.dtype, a.value_dim);
  for (size_t i = 0; i < a.value_dim; i++) {
    double output = 0;
    for (size_t p = begin; p < end; p++) {
      const auto* values = static_cast<const uint8_t*>(a.blocks[p / kAttendBlock].values);
      output += static_cast<double>(weights[p - begin]) *
                load_element(values + p % kAttendBlock * value_bytes, a.dtype, i);
    }
    float& o = a.state.o[row * a.value_dim + i];
    o = factors.merged(o, static_cast<float>(output));
  }
}

}  // namespace

void attend(const AttendArgs& a) {
  for (size_t r = 0; r < a.n_rows; r++) {
    auto p = static_cast<size_t>(std::max(a.first_visible[r], 0));
    const auto end = static_cast<size_t>(std::max(a.end_visible[r], 0));
    while (p < end) {
      const size_t stop = std::min(end, (p / kAttendSpan + 1) * kAttendSpan);
      attend_span(a, r, p, stop);
      p = stop;
    }
  }
}

void merge_attention(const AttendState& part, size_t n_rows, size_t value_dim, const AttendState& into) {
  for (size_t r = 0; r < n_rows; r++) {
    if (part.m[r] == -kInfinity) continue;
    const Factors factors(part.m[r], part.s[r], into.m[r], into.s[r]);
    for (size_t i = r * value_dim; i < (r + 1) * value_dim; i++) {
      into.o[i] = factors.merged(into.o[i], part.o[i]);
    }
  }
}

}  // namespace hearth::kernels::reference
