// Every format: what is written reads back near what went in, and no other scales would be nearer.
#include "convert/quantizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/kernels.h"
#include "kernels/quant_blocks.h"

namespace hearth::convert {
namespace {

using kernels::DType;
using testing::HasSubstr;

constexpr size_t kRow = 2048;

std::vector<float> dequantized(DType dtype, const std::vector<std::byte>& bytes, size_t n) {
  std::vector<float> values(n);
  kernels::find_kernels("reference")
      ->dequantize_row[static_cast<size_t>(dtype)](bytes.data(), values.data(), n);
  return values;
}

std::vector<float> round_trip(DType dtype, const std::vector<float>& x, const float* weights = nullptr) {
  std::vector<std::byte> bytes(kernels::row_bytes(dtype, x.size()));
  quantize_row(dtype, x, weights, bytes.data());
  return dequantized(dtype, bytes, x.size());
}

// Root of the weighted mean square error over that of the values.
double relative_error(const std::vector<float>& x, const std::vector<float>& y,
                      const std::vector<float>& weights = {}) {
  double error = 0, size = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double w = weights.empty() ? 1 : static_cast<double>(weights[i]);
    const double a = static_cast<double>(x[i]), b = static_cast<double>(y[i]);
    error += w * (a - b) * (a - b);
    size += w * a * a;
  }
  return std::sqrt(error / size);
}

std::vector<float> normal_values(unsigned seed, float deviation = 0.02f) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> x(kRow);
  for (float& value : x) value = normal(random);
  return x;
}

struct Format {
  DType dtype;
  double most;  // relative error of normal values
};

void PrintTo(const Format& format, std::ostream* out) {
  *out << kernels::traits_of(format.dtype).name;
}

class Quantizer : public testing::TestWithParam<Format> {};

TEST_P(Quantizer, NormalValuesComeBackNear) {
  for (const unsigned seed : {1u, 2u, 3u}) {
    const auto x = normal_values(seed);
    EXPECT_LT(relative_error(x, round_trip(GetParam().dtype, x)), GetParam().most);
  }
}

TEST_P(Quantizer, WhatWasReadBackIsKeptNearly) {
  const auto once = round_trip(GetParam().dtype, normal_values(4));
  const auto twice = round_trip(GetParam().dtype, once);
  EXPECT_LT(relative_error(once, twice), 0.3 * GetParam().most + 1e-9);
}

TEST_P(Quantizer, ExtremeRowsStayFiniteAndNear) {
  const DType dtype = GetParam().dtype;
  const auto expect_near = [&](const std::vector<float>& x, double most, const char* what) {
    const auto y = round_trip(dtype, x);
    for (const float value : y) ASSERT_TRUE(std::isfinite(value)) << what;
    EXPECT_LE(relative_error(x, y), most) << what;
  };
  for (const float value : round_trip(dtype, std::vector<float>(kRow, 0.0f))) EXPECT_EQ(value, 0.0f);
  expect_near(std::vector<float>(kRow, 1.5f), 0.13, "one value");
  expect_near(std::vector<float>(kRow, -65504.0f), 0.13, "the largest");
  std::vector<float> lonely(kRow, 0.0f);
  lonely[100] = -3;
  expect_near(lonely, 0.08, "one that is not zero");
  std::vector<float> tiny = normal_values(5, 1e-30f);
  for (const float value : round_trip(dtype, tiny)) EXPECT_LT(std::fabs(value), 1e-4f);
  std::vector<float> outlier = normal_values(6, 0.01f);
  outlier[700] = 60000;
  for (const float value : round_trip(dtype, outlier)) ASSERT_TRUE(std::isfinite(value));
}

TEST_P(Quantizer, WeightsMoveTheErrorToWhereItCountsLeast) {
  const DType dtype = GetParam().dtype;
  if (kernels::traits_of(dtype).block_size == 1 || dtype == DType::kQ8_0) return;
  const auto x = normal_values(7);
  std::vector<float> weights(kRow);
  std::mt19937 random(8);
  for (float& w : weights) w = random() % 4 == 0 ? 3.7f : 0.1f;
  const double with = relative_error(x, round_trip(dtype, x, weights.data()), weights);
  const double without = relative_error(x, round_trip(dtype, x), weights);
  EXPECT_LT(with, dtype == DType::kMXFP4 || dtype == DType::kQ6_K ? 1.001 * without : 0.97 * without);
}

TEST_P(Quantizer, SameBytesEachTime) {
  const auto x = normal_values(9);
  std::vector<std::byte> first(kernels::row_bytes(GetParam().dtype, kRow)), second(first.size());
  quantize_row(GetParam().dtype, x, nullptr, first.data());
  quantize_row(GetParam().dtype, x, nullptr, second.data());
  EXPECT_EQ(first, second);
}

INSTANTIATE_TEST_SUITE_P(
    All, Quantizer,
    testing::Values(Format{DType::kF32, 1e-9}, Format{DType::kF16, 3e-4}, Format{DType::kBF16, 2e-3},
                    Format{DType::kQ8_0, 6e-3}, Format{DType::kQ6_K, 0.02}, Format{DType::kQ5_1, 0.04},
                    Format{DType::kQ5_0, 0.045}, Format{DType::kQ5_K, 0.04}, Format{DType::kQ4_1, 0.08},
                    Format{DType::kQ4_0, 0.09}, Format{DType::kQ4_K, 0.08}, Format{DType::kIQ4_NL, 0.08},
                    Format{DType::kIQ4_XS, 0.08}, Format{DType::kMXFP4, 0.13}, Format{DType::kQ3_K, 0.16},
                    Format{DType::kQ2_K, 0.30}),
    [](const auto& info) { return std::string(kernels::traits_of(info.param.dtype).name); });

// With a scale of a half and all levels free, a block that is on levels already is found exactly.
TEST(Quantizer, BlocksOnLevelsAreExact) {
  std::vector<float> x(256);
  for (size_t i = 0; i < x.size(); ++i) x[i] = 0.125f * static_cast<float>(static_cast<int>(i % 16) - 8);
  EXPECT_EQ(round_trip(DType::kQ4_0, x), x);
  for (size_t i = 0; i < x.size(); ++i) x[i] = 0.25f * static_cast<float>(i % 16) - 1;
  EXPECT_EQ(round_trip(DType::kQ4_1, x), x);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = 0.5f * static_cast<float>(kernels::kMxfp4Values[i % 16]);
  }
  EXPECT_EQ(round_trip(DType::kMXFP4, x), x);
}

TEST(CheckValues, NamesWhatAFormatCannotHold) {
  std::vector<float> x(64, 1.0f);
  for (const auto& traits : kernels::kDTypes) EXPECT_TRUE(check_values(traits.dtype, x));
  x[3] = 70000;
  EXPECT_TRUE(check_values(DType::kF32, x));
  EXPECT_TRUE(check_values(DType::kBF16, x));
  const auto large = check_values(DType::kQ4_K, x);
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().category, ErrorCategory::kUnsupported);
  EXPECT_THAT(large.error().message, HasSubstr("70000 is too large for Q4_K"));
  for (const float bad : {std::nanf(""), INFINITY, -INFINITY}) {
    x[3] = bad;
    const auto status = check_values(DType::kF32, x);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().category, ErrorCategory::kCorrupt);
  }
}

}  // namespace
}  // namespace hearth::convert
