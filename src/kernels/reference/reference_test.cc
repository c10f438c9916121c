// The reference kernels against formulas written out independently, in double, on blocks of random bytes.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/float_bits.h"
#include "kernels/kernels.h"
#include "kernels/quant_blocks.h"

namespace hearth::kernels {
namespace {

const KernelTable& reference() {
  return *find_kernels("reference");
}

// The value of element i of a block, straight from the format's description.
double element(DType dtype, const uint8_t* b, int i) {
  const auto half_at = [&](int offset) { return static_cast<double>(load_f16(b + offset)); };
  const auto nibble = [&](int base) { return i < 16 ? b[base + i] & 15 : b[base + i - 16] >> 4; };
  const auto bit = [&](int base) { return (b[base + i / 8] >> (i % 8)) & 1; };
  switch (dtype) {
    case DType::kQ4_0:
      return half_at(0) * (nibble(2) - 8);
    case DType::kQ4_1:
      return half_at(0) * nibble(4) + half_at(2);
    case DType::kQ5_0:
      return half_at(0) * (nibble(6) + 16 * bit(2) - 16);
    case DType::kQ5_1:
      return half_at(0) * (nibble(8) + 16 * bit(4)) + half_at(2);
    case DType::kQ8_0:
      return half_at(0) * static_cast<int8_t>(b[2 + i]);
    case DType::kIQ4_NL:
      return half_at(0) * kIq4Values[nibble(2)];
    case DType::kMXFP4:
      return std::ldexp(kMxfp4Values[nibble(1)], b[0] - 128);
    case DType::kQ2_K: {
      const int q = (b[16 + 32 * (i / 128) + i % 32] >> (2 * (i % 128 / 32))) & 3;
      const int s = b[i / 16];
      return half_at(80) * (s & 15) * q - half_at(82) * (s >> 4);
    }
    case DType::kQ3_K: {
      const int q = (b[32 + 32 * (i / 128) + i % 32] >> (2 * (i % 128 / 32))) & 3;
      const int high = (b[i % 32] >> (i / 32)) & 1;
      const int s = i / 16;
      const uint8_t* sc = b + 96;
      const int scale = ((s < 8 ? sc[s] : sc[s - 8] >> 4) & 15) + 16 * ((sc[8 + s % 4] >> (2 * (s / 4))) & 3);
      return half_at(108) * (scale - 32) * (q + 4 * high - 4);
    }
    case DType::kQ4_K:
    case DType::kQ5_K: {
      const int s = i / 32;
      const uint8_t* sc = b + 4;
      const int scale = s < 4 ? sc[s] % 64 : sc[s + 4] % 16 + 16 * (sc[s - 4] / 64);
      const int minimum = s < 4 ? sc[s + 4] % 64 : sc[s + 4] / 16 + 16 * (sc[s] / 64);
      const int qs = dtype == DType::kQ4_K ? 16 : 48;
      const uint8_t byte = b[qs + 32 * (i / 64) + i % 32];
      int q = i % 64 < 32 ? byte % 16 : byte / 16;
      if (dtype == DType::kQ5_K) q += 16 * ((b[16 + i % 32] >> s) & 1);
      return half_at(0) * scale * q - half_at(2) * minimum;
    }
    case DType::kQ6_K: {
      const int half = i / 128, l = i % 32, run = i % 128 / 32;
      const uint8_t low = b[64 * half + l + (run % 2 != 0 ? 32 : 0)];
      const int q = (run < 2 ? low % 16 : low / 16) + 16 * ((b[128 + 32 * half + l] >> (2 * run)) & 3);
      return half_at(208) * static_cast<int8_t>(b[192 + i / 16]) * (q - 32);
    }
    case DType::kIQ4_XS: {
      const int run = i / 32, l = i % 32;
      const int low = (b[4 + run / 2] >> (4 * (run % 2))) & 15;
      const int high = (load_u16(b + 2) >> (2 * run)) & 3;
      const uint8_t byte = b[8 + 16 * run + l % 16];
      return half_at(0) * (low + 16 * high - 32) * kIq4Values[l < 16 ? byte % 16 : byte / 16];
    }
    default:
      return std::numeric_limits<double>::quiet_NaN();
  }
}

// Makes the halves of a block of random bytes finite (clears the top exponent bit).
void make_finite(DType dtype, uint8_t* b) {
  const auto fix = [&](int offset) { b[offset + 1] &= 0xbf; };
  switch (dtype) {
    case DType::kQ4_1:
    case DType::kQ5_1:
    case DType::kQ4_K:
    case DType::kQ5_K:
      fix(0), fix(2);
      break;
    case DType::kQ2_K:
      fix(80), fix(82);
      break;
    case DType::kQ3_K:
      fix(108);
      break;
    case DType::kQ6_K:
      fix(208);
      break;
    case DType::kMXFP4:
      b[0] &= 0x7f;
      break;
    default:
      fix(0);
  }
}

TEST(Reference, DequantizesEveryFormatByItsFormula) {
  std::mt19937 rng(1);
  for (const DTypeTraits& traits : kDTypes) {
    if (traits.block_size == 1) continue;
    SCOPED_TRACE(traits.name);
    constexpr size_t kBlocks = 40;
    std::vector<uint8_t> bytes(kBlocks * traits.block_bytes + 1);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(rng());
    uint8_t* blocks = bytes.data() + 1;  // odd address
    for (size_t b = 0; b < kBlocks; b++) make_finite(traits.dtype, blocks + b * traits.block_bytes);
    std::vector<float> values(kBlocks * traits.block_size);
    reference().dequantize_row[static_cast<size_t>(traits.dtype)](blocks, values.data(), values.size());
    for (size_t i = 0; i < values.size(); i++) {
      const double expected = element(traits.dtype, blocks + i / traits.block_size * traits.block_bytes,
                                      static_cast<int>(i % traits.block_size));
      ASSERT_EQ(values[i], static_cast<float>(expected)) << i;
    }
  }
}

TEST(Reference, ActivationsAreQuantisedWithinHalfAStep) {
  std::mt19937 rng(2);
  std::normal_distribution<float> normal;
  std::vector<float> x(256);
  for (float& v : x) v = normal(rng);
  for (size_t i = 32; i < 64; i++) x[i] = 0;
  for (size_t i = 64; i < 96; i++) x[i] = 1e-32f;
  x[100] = 1e6f;  // an outlier costs only its own group
  std::vector<int8_t> q(256);
  std::vector<float> scale(8);
  std::vector<int16_t> sum(16);
  reference().quantize_activations(x.data(), x.size(), kActivationGroup, {q.data(), scale.data(), sum.data()});
  for (size_t i = 0; i < x.size(); i++) {
    EXPECT_LE(std::fabs(x[i] - scale[i / 32] * static_cast<float>(q[i])), scale[i / 32] * 0.501f + 1e-31f)
        << i;
    EXPECT_GE(q[i], -127);
  }
  EXPECT_EQ(scale[1], 0.0f);
  EXPECT_EQ(scale[2], 0.0f);
  for (size_t j = 0; j < 16; j++) {
    int expected = 0;
    for (size_t i = 0; i < 16; i++) expected += q[16 * j + i];
    EXPECT_EQ(sum[j], expected);
  }
}

// int8 activations against exact ones: the error is at most half a step times Σ|w| in each group.
TEST(Reference, QuantizedMatmulErrorIsBoundedByTheActivationStep) {
  std::mt19937 rng(3);
  std::normal_distribution<float> normal;
  constexpr size_t kIn = 512;
  std::vector<float> x(kIn);
  for (float& v : x) v = normal(rng);
  std::vector<int8_t> q(kIn);
  std::vector<float> scale(kIn / 32);
  std::vector<int16_t> sum(kIn / 16);
  for (const DTypeTraits& traits : kDTypes) {
    if (traits.block_size == 1) continue;
    SCOPED_TRACE(traits.name);
    std::vector<uint8_t> row(row_bytes(traits.dtype, kIn));
    for (uint8_t& byte : row) byte = static_cast<uint8_t>(rng());
    for (size_t b = 0; b < row.size(); b += traits.block_bytes) make_finite(traits.dtype, row.data() + b);
    std::vector<float> w(kIn);
    const auto id = static_cast<size_t>(traits.dtype);
    reference().quantize_activations(x.data(), kIn, reference().matmul[id].activation_group,
                                     {q.data(), scale.data(), sum.data()});
    reference().dequantize_row[id](row.data(), w.data(), kIn);
    double exact = 0, bound = 0, size = 0;
    for (size_t i = 0; i < kIn; i++) {
      exact += static_cast<double>(w[i]) * x[i];
      bound += std::fabs(w[i]) * 0.5 * scale[i / 32];
      size += std::fabs(static_cast<double>(w[i]) * x[i]);
    }
    float out = 0;
    reference().matmul[id].run(
        {row.data(), row.size(), 1, kIn, nullptr, {q.data(), scale.data(), sum.data()}, 1, &out, 1});
    EXPECT_LE(std::fabs(out - exact), bound + 1e-5 * size);
    EXPECT_GT(size, 0);
  }
}

TEST(Reference, StoredRowsReadBack) {
  std::vector<float> x(64);
  for (size_t i = 0; i < x.size(); i++) x[i] = static_cast<float>(i) * 0.37f - 9;
  std::vector<uint8_t> bytes(256);
  std::vector<float> back(64);
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kQ8_0}) {
    reference().store_row(x.data(), x.size(), dtype, bytes.data());
    reference().dequantize_row[static_cast<size_t>(dtype)](bytes.data(), back.data(), x.size());
    const float limit = dtype == DType::kF32 ? 0.0f : dtype == DType::kF16 ? 0.008f : 0.062f;
    for (size_t i = 0; i < x.size(); i++) EXPECT_NEAR(back[i], x[i], limit) << i;
  }
}

TEST(Reference, RopeRotatesPairsAndLeavesTheRest) {
  const float cos[2] = {0, 1}, sin[2] = {1, 0};
  std::vector<float> x = {1, 2, 3, 4, 5, 6};
  reference().rope({x.data(), 1, 6, 2, false, cos, sin});
  EXPECT_EQ(x, (std::vector<float>{-4, 2, 3, 1, 5, 6}));
  x = {1, 2, 3, 4, 5, 6};
  reference().rope({x.data(), 1, 6, 2, true, cos, sin});
  EXPECT_EQ(x, (std::vector<float>{-2, 1, 3, 4, 5, 6}));
}

TEST(Reference, AttentionInPartsEqualsSoftmaxOverAll) {
  std::mt19937 rng(4);
  std::normal_distribution<float> normal;
  constexpr size_t kDim = 32, kPositions = 10 * kAttendBlock;
  std::vector<float> q(kDim), k(kDim * kPositions), v(kDim * kPositions);
  for (auto* values : {&q, &k, &v}) {
    for (float& f : *values) f = normal(rng);
  }
  std::vector<AttendBlock> blocks;
  for (size_t p = 0; p < kPositions; p += kAttendBlock) blocks.push_back({&k[p * kDim], &v[p * kDim]});
  struct State {
    float m = -std::numeric_limits<float>::infinity(), s = 0;
    std::vector<float> o = std::vector<float>(kDim, 0);
    AttendState view() { return {&m, &s, o.data()}; }
  };
  const auto run = [&](size_t block, int32_t first, int32_t end, State& state) {
    reference().attend({.q = q.data(),
                        .q_stride = kDim,
                        .n_rows = 1,
                        .head_dim = kDim,
                        .value_dim = kDim,
                        .dtype = DType::kF32,
                        .blocks = &blocks[block],
                        .first_visible = &first,
                        .end_visible = &end,
                        .scale = 0.2f,
                        .softcap = 3.0f,
                        .state = state.view(),
                        .scratch = nullptr});
  };
  State state, part;
  run(0, 3, 256, state);
  run(0, 5, 5, state);  // sees nothing, changes nothing
  run(4, 0, 300, part);
  reference().merge_attention(part.view(), 1, kDim, state.view());
  const float s = state.s;
  const std::vector<float>& o = state.o;

  std::vector<double> expected(kDim, 0);
  double total = 0;
  for (size_t p = 3; p < 556; p++) {
    double dot = 0;
    for (size_t i = 0; i < kDim; i++) dot += static_cast<double>(q[i]) * k[p * kDim + i];
    const double weight = std::exp(3.0 * std::tanh(dot * 0.2f / 3.0));
    total += weight;
    for (size_t i = 0; i < kDim; i++) expected[i] += weight * v[p * kDim + i];
  }
  for (size_t i = 0; i < kDim; i++) EXPECT_NEAR(o[i] / s, expected[i] / total, 1e-5);
}

}  // namespace
}  // namespace hearth::kernels
