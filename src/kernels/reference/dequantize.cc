// Rows of any format to float32, and float32 to what the engine stores: int8 activations, cache rows.
#include <cmath>

#include "kernels/reference/groups.h"
#include "kernels/reference/reference.h"

namespace hearth::kernels::reference {
namespace {

void dequantize_f32(const void* src, float* dst, size_t n) {
  std::memcpy(dst, src, n * sizeof(float));
}

void dequantize_f16(const void* src, float* dst, size_t n) {
  const auto* from = static_cast<const uint8_t*>(src);
  for (size_t i = 0; i < n; i++) dst[i] = load_f16(from + 2 * i);
}

void dequantize_bf16(const void* src, float* dst, size_t n) {
  const auto* from = static_cast<const uint8_t*>(src);
  for (size_t i = 0; i < n; i++) dst[i] = bf16_to_f32(load_u16(from + 2 * i));
}

// Both products fit a float's 24 bits (save Q6_K's, which is rounded once), so the result is the same whether
// or not the compiler fuses the addition.
template <typename Reader>
void dequantize_groups(const void* src, float* dst, size_t n) {
  for (size_t g = 0; g < n / 32; g++) {
    Group group;
    read_group<Reader>(src, g, group);
    for (size_t i = 0; i < 32; i++) {
      dst[32 * g + i] = group.scale * static_cast<float>(group.q[i]) +
                        group.min_scale * static_cast<float>(group.minimum[i / 16]);
    }
  }
}

// Nearest integer, ties to even, limited to ±127; a NaN becomes -127.
int8_t to_int8(float value) {
  if (!(value > -127.0f)) return -127;
  if (value > 127.0f) return 127;
  return static_cast<int8_t>(std::nearbyintf(value));
}

float max_abs(const float* x, size_t n) {
  float result = 0;
  for (size_t i = 0; i < n; i++) result = std::fabs(x[i]) > result ? std::fabs(x[i]) : result;
  return result;
}

void store_q8_0(const float* x, size_t n, uint8_t* out) {
  for (size_t b = 0; b < n / 32; b++, out += sizeof(BlockQ8_0)) {
    const float max = max_abs(x + 32 * b, 32);
    const float scale = max / 127.0f;
    const uint16_t half = f32_to_f16(scale < 65504.0f ? scale : 65504.0f);
    // The inverse of what will be read back, so that the scale's own rounding adds no error.
    const float inverse = half != 0 ? 1.0f / f16_to_f32(half) : 0.0f;
    std::memcpy(out, &half, sizeof half);
    for (size_t i = 0; i < 32; i++) out[2 + i] = static_cast<uint8_t>(to_int8(x[32 * b + i] * inverse));
  }
}

}  // namespace

void quantize_activations(const float* x, size_t n, size_t group, const QuantizedRows& out) {
  for (size_t first = 0; first < n; first += group) {
    const float max = max_abs(x + first, group);
    // Below this the inverse would overflow; such a group counts as zero.
    const bool zero = max < kSmallestActivation;
    const float inverse = zero ? 0.0f : 127.0f / max;
    for (size_t i = first; i < first + group; i += kActivationGroup) {
      out.scale[i / kActivationGroup] = zero ? 0.0f : max / 127.0f;
    }
    for (size_t run = first; run < first + group; run += 16) {
      int32_t sum = 0;
      for (size_t i = run; i < run + 16; i++) {
        out.q[i] = zero ? int8_t{0} : to_int8(x[i] * inverse);
        sum += out.q[i];
      }
      out.sum[run / 16] = static_cast<int16_t>(sum);
    }
  }
}

void store_row(const float* x, size_t n, DType dtype, void* out) {
  auto* to = static_cast<uint8_t*>(out);
  switch (dtype) {
    case DType::kF32:
      std::memcpy(out, x, n * sizeof(float));
      return;
    case DType::kF16:
      for (size_t i = 0; i < n; i++) {
        const uint16_t half = f32_to_f16(x[i]);
        std::memcpy(to + 2 * i, &half, sizeof half);
      }
      return;
    default:  // the only other format a cache stores
      store_q8_0(x, n, to);
  }
}

void install_dequantize(KernelTable& table) {
  table.dequantize_row[static_cast<size_t>(DType::kF32)] = dequantize_f32;
  table.dequantize_row[static_cast<size_t>(DType::kF16)] = dequantize_f16;
  table.dequantize_row[static_cast<size_t>(DType::kBF16)] = dequantize_bf16;
  for_each_reader([&]<typename Reader>(DType dtype) {
    table.dequantize_row[static_cast<size_t>(dtype)] = dequantize_groups<Reader>;
  });
}

}  // namespace hearth::kernels::reference
