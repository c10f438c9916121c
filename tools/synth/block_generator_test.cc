#include "synth/block_generator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/kernels.h"
#include "synth/small_float.h"

namespace hearth::synth {
namespace {

using kernels::DType;

std::vector<std::byte> make(DType dtype, float deviation, size_t n_values, uint64_t seed) {
  std::vector<std::byte> bytes(kernels::row_bytes(dtype, n_values));
  Random random(seed, hash_name("t"), 0);
  BlockGenerator(dtype, 0, deviation).fill(random, bytes);
  return bytes;
}

class EveryType : public ::testing::TestWithParam<kernels::DTypeTraits> {};

TEST_P(EveryType, HasMeanZeroAndTheWantedDeviation) {
  constexpr size_t kValues = 1 << 18;
  const DType dtype = GetParam().dtype;
  const auto dequantize = kernels::find_kernels("reference")->dequantize_row[static_cast<uint32_t>(dtype)];
  ASSERT_NE(dequantize, nullptr);
  // The deviations of a small and of the largest matrix.
  for (float deviation : {1 / std::sqrt(64.0f), 1 / std::sqrt(28672.0f)}) {
    const auto bytes = make(dtype, deviation, kValues, 1);
    std::vector<float> values(kValues);
    dequantize(bytes.data(), values.data(), kValues);
    double sum = 0, squares = 0;
    for (float v : values) {
      ASSERT_TRUE(std::isfinite(v));
      sum += v;
      squares += static_cast<double>(v) * v;
    }
    // A mean of 1 % of the deviation is five standard errors.
    EXPECT_LT(std::abs(sum / kValues), 0.01 * deviation) << deviation;
    EXPECT_NEAR(std::sqrt(squares / kValues) / deviation, 1, 0.05) << deviation;
  }
}

TEST_P(EveryType, DependsOnTheSeedOnly) {
  const DType dtype = GetParam().dtype;
  EXPECT_EQ(make(dtype, 0.02f, 4096, 1), make(dtype, 0.02f, 4096, 1));
  EXPECT_NE(make(dtype, 0.02f, 4096, 1), make(dtype, 0.02f, 4096, 2));
}

INSTANTIATE_TEST_SUITE_P(Types, EveryType, ::testing::ValuesIn(kernels::kDTypes),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(BlockGenerator, Q8BlocksHaveNoMinus128) {
  const auto bytes = make(DType::kQ8_0, 0.02f, 1 << 16, 3);
  for (size_t block = 0; block < bytes.size(); block += 34) {
    for (size_t i = 2; i < 34; ++i) ASSERT_NE(bytes[block + i], std::byte{0x80});
  }
}

TEST(BlockGenerator, FloatsHaveAMean) {
  std::vector<std::byte> bytes(4 << 12);
  Random random(1, 1, 1);
  BlockGenerator(DType::kF32, 1, 0.1f).fill(random, bytes);
  float sum = 0;
  for (size_t i = 0; i < bytes.size(); i += 4) {
    float v;
    std::memcpy(&v, bytes.data() + i, 4);
    EXPECT_NEAR(v, 1, 0.4);
    sum += v;
  }
  EXPECT_NEAR(sum / (1 << 12), 1, 0.01);
}

TEST(SmallFloat, EveryHalfSurvivesARoundTrip) {
  for (uint32_t half = 0; half < 0x10000; ++half) {
    if ((half & 0x7c00) == 0x7c00) continue;  // infinities and NaNs
    EXPECT_EQ(to_half(from_half(static_cast<uint16_t>(half))), half);
  }
}

TEST(SmallFloat, RoundsToNearestEven) {
  EXPECT_EQ(to_half(1.0f + 0x1p-11f), 0x3c00);    // a tie, down to even
  EXPECT_EQ(to_half(1.0f + 0x1.8p-10f), 0x3c02);  // a tie, up to even
  EXPECT_EQ(to_half(1.0f + 0x1.1p-11f), 0x3c01);
  EXPECT_EQ(to_half(0x1p-25f), 0);  // half the smallest subnormal, a tie
  EXPECT_EQ(to_half(0x1.1p-25f), 1);
  EXPECT_EQ(to_half(65520.0f), 0x7c00);
  EXPECT_EQ(to_half(-2.0f), 0xc000);
  EXPECT_EQ(to_bf16(1.0f + 0x1p-8f), 0x3f80);
  EXPECT_EQ(to_bf16(1.0f + 0x1.8p-7f), 0x3f82);
}

TEST(Random, IsTheSameEverywhere) {
  // Fixed for ever: files are compared between machines.
  Random random(1, hash_name("blk.0.attn_q.weight"), 0);
  EXPECT_EQ(hash_name(""), 0xcbf29ce484222325u);
  EXPECT_EQ(random.next(), 0x72e2591ab469b270u);
}

}  // namespace
}  // namespace hearth::synth
