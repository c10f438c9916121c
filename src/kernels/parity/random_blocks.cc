#include "kernels/parity/random_blocks.h"

#include <cstring>

#include "kernels/float_bits.h"

namespace hearth::kernels {
namespace {

uint16_t random_scale(Pattern pattern, std::mt19937& rng) {
  const auto bits = static_cast<uint16_t>(rng());
  if (pattern == Pattern::kZeros) return 0;
  if (pattern == Pattern::kTinyScale) return bits & 0x80ff;
  return static_cast<uint16_t>((bits & 0x8fff) % 0x9000) | 0x1800;  // exponents 6 … 9
}

// Where the halves of a block are; -1 for none.
struct HalfOffsets {
  int first, second;
};
HalfOffsets half_offsets(DType dtype) {
  switch (dtype) {
    case DType::kQ4_1:
    case DType::kQ5_1:
    case DType::kQ4_K:
    case DType::kQ5_K:
      return {0, 2};
    case DType::kQ2_K:
      return {80, 82};
    case DType::kQ3_K:
      return {108, -1};
    case DType::kQ6_K:
      return {208, -1};
    case DType::kMXFP4:
      return {-1, -1};
    default:
      return {0, -1};
  }
}

}  // namespace

std::vector<uint8_t> make_rows(DType dtype, size_t n_rows, size_t n_in, Pattern pattern, std::mt19937& rng) {
  const DTypeTraits& traits = traits_of(dtype);
  std::vector<uint8_t> bytes(1 + n_rows * row_bytes(dtype, n_in));
  if (traits.block_size == 1) {
    std::normal_distribution<float> normal(0, 0.05f);
    for (size_t at = 1; at < bytes.size(); at += traits.block_bytes) {
      float value = normal(rng);
      if (pattern == Pattern::kZeros) value = 0;
      if (pattern == Pattern::kAllMax) value = 60000.0f;
      if (pattern == Pattern::kAllMin) value = -60000.0f;
      if (pattern == Pattern::kTinyScale) value = 3e-7f * value;
      const uint16_t half = dtype == DType::kF16 ? f32_to_f16(value) : f32_to_bf16(value);
      std::memcpy(&bytes[at], dtype == DType::kF32 ? static_cast<const void*>(&value) : &half,
                  traits.block_bytes);
    }
    return bytes;
  }
  for (size_t at = 1; at < bytes.size(); at++) {
    bytes[at] = pattern == Pattern::kAllMax   ? 0xff
                : pattern == Pattern::kAllMin ? 0
                                              : static_cast<uint8_t>(rng());
  }
  for (size_t block = 1; block < bytes.size(); block += traits.block_bytes) {
    const auto [first, second] = half_offsets(dtype);
    for (const int offset : {first, second}) {
      if (offset < 0) continue;
      const uint16_t half = random_scale(pattern, rng);
      std::memcpy(&bytes[block + static_cast<size_t>(offset)], &half, sizeof half);
    }
    if (dtype == DType::kMXFP4) {
      bytes[block] = static_cast<uint8_t>(pattern == Pattern::kTinyScale ? rng() % 2 : 110 + rng() % 16);
    }
  }
  return bytes;
}

}  // namespace hearth::kernels
