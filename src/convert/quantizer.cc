#include "convert/quantizer.h"

#include <cmath>
#include <cstring>

#include "convert/block_quantizers.h"
#include "kernels/float_bits.h"

namespace hearth::convert {
namespace {

using kernels::DType;

template <typename Block, size_t block_size>
void quantize_blocks(std::span<const float> x, const float* weights, std::byte* out) {
  for (size_t at = 0; at < x.size(); at += block_size, out += sizeof(Block)) {
    quantize_block(x.data() + at, weights != nullptr ? weights + at : nullptr,
                   *reinterpret_cast<Block*>(out));  // blocks are byte arrays
  }
}

template <typename Convert>
void to_16_bits(std::span<const float> x, std::byte* out, Convert convert) {
  for (size_t i = 0; i < x.size(); ++i) {
    const uint16_t bits = convert(x[i]);
    std::memcpy(out + 2 * i, &bits, sizeof bits);
  }
}

}  // namespace

Status check_values(DType dtype, std::span<const float> x) {
  const bool wide = dtype == DType::kF32 || dtype == DType::kBF16;
  float largest = 0, sum = 0;
  for (const float value : x) {
    largest = std::fabs(value) > largest ? std::fabs(value) : largest;
    sum += value * 0;  // NaN if one is NaN or infinite
  }
  if (sum != 0 || std::isnan(sum)) return fail(ErrorCategory::kCorrupt, "a value is not a finite number");
  if (!wide && largest > 65504) {
    return fail(ErrorCategory::kUnsupported, "the value {} is too large for {}; BF16 can hold it", largest,
                kernels::traits_of(dtype).name);
  }
  return {};
}

void quantize_row(DType dtype, std::span<const float> x, const float* weights, std::byte* out) {
  switch (dtype) {
    case DType::kF32:
      std::memcpy(out, x.data(), x.size_bytes());
      return;
    case DType::kF16:
      return to_16_bits(x, out, kernels::f32_to_f16);
    case DType::kBF16:
      return to_16_bits(x, out, kernels::f32_to_bf16);
    case DType::kQ4_0:
      return quantize_blocks<kernels::BlockQ4_0, 32>(x, weights, out);
    case DType::kQ4_1:
      return quantize_blocks<kernels::BlockQ4_1, 32>(x, weights, out);
    case DType::kQ5_0:
      return quantize_blocks<kernels::BlockQ5_0, 32>(x, weights, out);
    case DType::kQ5_1:
      return quantize_blocks<kernels::BlockQ5_1, 32>(x, weights, out);
    case DType::kQ8_0:
      return quantize_blocks<kernels::BlockQ8_0, 32>(x, weights, out);
    case DType::kIQ4_NL:
      return quantize_blocks<kernels::BlockIQ4_NL, 32>(x, weights, out);
    case DType::kMXFP4:
      return quantize_blocks<kernels::BlockMXFP4, 32>(x, weights, out);
    case DType::kQ2_K:
      return quantize_blocks<kernels::BlockQ2_K, 256>(x, weights, out);
    case DType::kQ3_K:
      return quantize_blocks<kernels::BlockQ3_K, 256>(x, weights, out);
    case DType::kQ4_K:
      return quantize_blocks<kernels::BlockQ4_K, 256>(x, weights, out);
    case DType::kQ5_K:
      return quantize_blocks<kernels::BlockQ5_K, 256>(x, weights, out);
    case DType::kQ6_K:
      return quantize_blocks<kernels::BlockQ6_K, 256>(x, weights, out);
    case DType::kIQ4_XS:
      return quantize_blocks<kernels::BlockIQ4_XS, 256>(x, weights, out);
  }
}

}  // namespace hearth::convert
