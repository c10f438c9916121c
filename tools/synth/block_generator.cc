#include "synth/block_generator.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "synth/small_float.h"

namespace hearth::synth {
namespace {

using kernels::DType;

// The values behind the nibbles of IQ4_NL and IQ4_XS, and of MXFP4 (doubled).
constexpr double kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
constexpr double kFp4Values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

template <size_t N>
double root_mean_square(const double (&values)[N]) {
  double sum = 0;
  for (double v : values) sum += v * v;
  return std::sqrt(sum / N);
}

// Of the integers lo … hi, all equally likely.
double root_mean_square(int lo, int hi) {
  double sum = 0;
  for (int v = lo; v <= hi; ++v) sum += static_cast<double>(v) * v;
  return std::sqrt(sum / (hi - lo + 1));
}

// Deviation from the middle of 0 … n-1.
double spread(int n) {
  return std::sqrt((static_cast<double>(n) * n - 1) / 12);
}

// Where in its block a format keeps d.
size_t scale_offset(DType dtype) {
  switch (dtype) {
    case DType::kQ2_K:
      return 80;
    case DType::kQ3_K:
      return 108;
    case DType::kQ6_K:
      return 208;
    default:
      return 0;
  }
}

// Formats with a minimum: value = d q - m, and the m (in units of d) that makes the mean zero.
double centre(DType dtype) {
  switch (dtype) {
    case DType::kQ4_1:
      return -7.5;  // these two add it
    case DType::kQ5_1:
      return -15.5;
    case DType::kQ2_K:
      return 1.5;
    case DType::kQ4_K:
      return 7.5;
    case DType::kQ5_K:
      return 15.5;
    default:
      return 0;
  }
}

// Six significant bits, so that d times the centre is exact in half precision.
float shorten(double value) {
  const auto bits = std::bit_cast<uint32_t>(static_cast<float>(value));
  return std::bit_cast<float>((bits + (1u << 17)) & ~((1u << 18) - 1));
}

void put_half(std::byte* at, uint16_t value) {
  std::memcpy(at, &value, sizeof value);
}

// Eight 6-bit scales from 32 to 63 and minimums equal to them, in the packing of Q4_K and Q5_K.
void pack_k_scales(uint64_t random, std::byte* out) {
  uint8_t packed[12];
  for (int j = 0; j < 4; ++j) {
    const auto low = static_cast<uint8_t>(32 | (random >> (8 * j) & 31));        // sub-block j
    const auto high = static_cast<uint8_t>(32 | (random >> (8 * j + 32) & 31));  // sub-block j + 4
    packed[j] = static_cast<uint8_t>(low | (high >> 4) << 6);
    packed[j + 4] = packed[j];
    packed[j + 8] = static_cast<uint8_t>((high & 15) | (high & 15) << 4);
  }
  std::memcpy(out, packed, sizeof packed);
}

}  // namespace

double unit_deviation(DType dtype) {
  const double k_scale = root_mean_square(32, 63);
  switch (dtype) {
    case DType::kF32:
    case DType::kF16:
    case DType::kBF16:
      return 1;
    case DType::kQ4_0:
      return root_mean_square(-8, 7);
    case DType::kQ4_1:
      return spread(16);
    case DType::kQ5_0:
      return root_mean_square(-16, 15);
    case DType::kQ5_1:
      return spread(32);
    case DType::kQ8_0:
      return root_mean_square(-127, 127);
    case DType::kQ2_K:
      return spread(4) * root_mean_square(8, 15);
    case DType::kQ3_K:
      return root_mean_square(-4, 3) * root_mean_square(-32, 31);
    case DType::kQ4_K:
      return spread(16) * k_scale;
    case DType::kQ5_K:
      return spread(32) * k_scale;
    case DType::kQ6_K:
      return root_mean_square(-32, 31) * k_scale;
    case DType::kIQ4_NL:
      return root_mean_square(kIq4Values);
    case DType::kIQ4_XS:
      return root_mean_square(kIq4Values) * root_mean_square(-32, 31);
    case DType::kMXFP4:
      return root_mean_square(kFp4Values);
  }
  return 1;
}

BlockGenerator::BlockGenerator(DType dtype, float mean, float deviation)
    : dtype_(dtype), mean_(mean), deviation_(deviation) {
  const double d = deviation / unit_deviation(dtype);
  if (dtype == DType::kMXFP4) {
    // Powers of two only: a mixture of two neighbours has the right mean square.
    const double exponent = std::floor(std::log2(d));
    const double share = (std::pow(4, std::log2(d) - exponent) - 1) / 3;
    for (size_t i = 0; i < scales_.size(); ++i) {
      const double up = static_cast<double>(i) + 0.5 < share * static_cast<double>(scales_.size()) ? 1 : 0;
      scales_[i].d = static_cast<uint16_t>(std::clamp(exponent + up + 128, 0.0, 254.0));
    }
    return;
  }
  for (size_t i = 0; i < scales_.size(); ++i) {
    // Sizes of mean square 1, from 0.75 to 1.2.
    constexpr double kSizes[8] = {0.75, 0.82, 0.9, 0.97, 1.03, 1.09, 1.14, 1.2};
    const float size = shorten(d * kSizes[i / 2]);
    const double middle = centre(dtype);
    const bool negative = middle == 0 && i % 2 == 1;
    scales_[i] = {to_half(negative ? -size : size), to_half(static_cast<float>(size * middle))};
  }
}

void BlockGenerator::fill_floats(Random& random, std::span<std::byte> out) const {
  const auto each = [&]<typename T>(T, auto convert) {
    for (size_t i = 0; i < out.size(); i += sizeof(T)) {
      const float scaled = deviation_ * random.normal();
      const T value = convert(mean_ + scaled);
      std::memcpy(out.data() + i, &value, sizeof value);
    }
  };
  if (dtype_ == DType::kF32) return each(float{}, [](float v) { return v; });
  if (dtype_ == DType::kF16) return each(uint16_t{}, to_half);
  each(uint16_t{}, to_bf16);
}

void BlockGenerator::fill(Random& random, std::span<std::byte> out) const {
  const auto& traits = kernels::traits_of(dtype_);
  if (traits.block_size == 1) return fill_floats(random, out);
  random.fill(out);
  for (size_t at = 0; at < out.size(); at += traits.block_bytes) patch(out.data() + at, random.next());
}

// Gives a block of random bits its scales. `choice` is 64 random bits.
void BlockGenerator::patch(std::byte* block, uint64_t choice) const {
  const Scale scale = scales_[choice >> 60];
  if (dtype_ == DType::kMXFP4) {
    block[0] = static_cast<std::byte>(scale.d);
    return;
  }
  put_half(block + scale_offset(dtype_), scale.d);
  switch (dtype_) {
    case DType::kQ4_1:
    case DType::kQ5_1:
      put_half(block + 2, scale.m);
      break;
    case DType::kQ8_0:
      // -128 has no opposite.
      for (int i = 2; i < 34; ++i) {
        if (block[i] == std::byte{0x80}) block[i] = std::byte{0};
      }
      break;
    case DType::kQ2_K:
      for (int i = 0; i < 16; ++i) {
        const auto s = static_cast<uint8_t>(8 | (choice >> (3 * i) & 7));
        block[i] = static_cast<std::byte>(s | s << 4);
      }
      put_half(block + 82, scale.m);
      break;
    case DType::kQ4_K:
    case DType::kQ5_K:
      put_half(block + 2, scale.m);
      pack_k_scales(choice, block + 4);
      break;
    case DType::kQ6_K:
      // int8 scales of 32 to 63, either sign.
      for (int i = 0; i < 16; ++i) {
        const int raw = std::to_integer<int>(block[192 + i]);
        const int size = 32 | (raw & 31);
        block[192 + i] = static_cast<std::byte>((raw & 32) != 0 ? -size : size);
      }
      break;
    default:
      break;
  }
}

}  // namespace hearth::synth
