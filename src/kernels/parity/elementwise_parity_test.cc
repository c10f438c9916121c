// Vector functions of every table against the reference, over lengths round the vector widths and odd
// addresses.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/kernels.h"

namespace hearth::kernels {
namespace {

// Largest error relative to the larger of the expected value and the operation's own scale.
constexpr double kNormTolerance = 2e-6;
constexpr double kActivationTolerance = 1e-6;
constexpr double kArithmeticTolerance = 2e-7;

const KernelTable& reference() {
  return *find_kernels("reference");
}

std::vector<float> numbers(size_t n, float deviation, std::mt19937& rng) {
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> x(n);
  for (float& v : x) v = normal(rng);
  return x;
}

void expect_near(const std::vector<float>& got, const std::vector<float>& expected, double relative,
                 double scale) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); i++) {
    const double limit = relative * std::max(scale, std::fabs(static_cast<double>(expected[i])));
    ASSERT_NEAR(got[i], expected[i], limit) << "element " << i << " of " << got.size();
  }
}

// body(table, n) for every fast table and many lengths.
template <typename Body>
void for_tables_and_lengths(const Body& body) {
  for (const KernelTable* table : available_kernels()) {
    if (table->name == "reference") continue;
    for (size_t n = 1; n <= 70; n++) {
      SCOPED_TRACE(testing::Message() << table->name << " n " << n);
      body(*table, n);
    }
    for (const size_t n : {1000, 4096, 5376}) {
      SCOPED_TRACE(testing::Message() << table->name << " n " << n);
      body(*table, n);
    }
  }
}

TEST(ElementwiseParity, Norms) {
  std::mt19937 rng(1);
  for_tables_and_lengths([&](const KernelTable& table, size_t n) {
    const auto x = numbers(n, 3, rng), weight = numbers(n, 1, rng), bias = numbers(n, 1, rng);
    std::vector<float> got(n), expected(n);
    for (const float* w : {weight.data(), static_cast<const float*>(nullptr)}) {
      table.rms_norm(x.data(), w, n, 1e-6f, got.data());
      reference().rms_norm(x.data(), w, n, 1e-6f, expected.data());
      expect_near(got, expected, kNormTolerance, 1e-3);
      for (const float* b : {bias.data(), static_cast<const float*>(nullptr)}) {
        table.layer_norm(x.data(), w, b, n, 1e-5f, got.data());
        reference().layer_norm(x.data(), w, b, n, 1e-5f, expected.data());
        expect_near(got, expected, kNormTolerance, 5);
      }
    }
    std::vector<float> in_place = x;
    table.rms_norm(in_place.data(), weight.data(), n, 1e-6f, in_place.data());
    table.rms_norm(x.data(), weight.data(), n, 1e-6f, got.data());
    EXPECT_EQ(in_place, got);
  });
}

TEST(ElementwiseParity, Activations) {
  std::mt19937 rng(2);
  for_tables_and_lengths([&](const KernelTable& table, size_t n) {
    for (const float deviation : {0.01f, 3.0f, 60.0f}) {
      const auto gate = numbers(n, deviation, rng), up = numbers(n, 1, rng);
      std::vector<float> got(n), expected(n);
      const double scale = 1e-3 * deviation;
      table.silu_mul(gate.data(), up.data(), n, got.data());
      reference().silu_mul(gate.data(), up.data(), n, expected.data());
      expect_near(got, expected, kActivationTolerance, scale);
      table.gelu_tanh_mul(gate.data(), up.data(), n, got.data());
      reference().gelu_tanh_mul(gate.data(), up.data(), n, expected.data());
      expect_near(got, expected, kActivationTolerance, scale);
      got = expected = gate;
      table.gelu_tanh(got.data(), n);
      reference().gelu_tanh(expected.data(), n);
      expect_near(got, expected, kActivationTolerance, scale);
      got = expected = gate;
      table.softcap(got.data(), 30, n);
      reference().softcap(expected.data(), 30, n);
      expect_near(got, expected, kActivationTolerance, scale);
      const float max = n == 0 ? 0 : *std::max_element(gate.begin(), gate.end());
      table.exp_below(gate.data(), n, max, 0.7f, got.data());
      reference().exp_below(gate.data(), n, max, 0.7f, expected.data());
      expect_near(got, expected, 2e-5, 1e-7);
      got = expected = gate;
      table.softmax(got.data(), n);
      reference().softmax(expected.data(), n);
      // The error of exp grows with its argument's own rounding: up to |x| · 2^-24.
      expect_near(got, expected, 2e-5, 1e-7);
    }
  });
}

TEST(ElementwiseParity, SpecialArguments) {
  const float inf = std::numeric_limits<float>::infinity();
  for (const KernelTable* table : available_kernels()) {
    SCOPED_TRACE(table->name);
    std::vector<float> x = {0.0f, -inf, 1.0f, -200.0f};
    table->softmax(x.data(), x.size());
    EXPECT_EQ(x[1], 0.0f);
    EXPECT_LT(x[3], 1e-37f);
    EXPECT_NEAR(x[0] + x[2], 1, 1e-6);
    std::vector<float> gate = {-1e4f, 1e4f, 0.0f, -90.0f}, one = {1, 1, 1, 1}, out(4);
    table->silu_mul(gate.data(), one.data(), 4, out.data());
    EXPECT_NEAR(out[0], 0, 1e-30);
    EXPECT_EQ(out[1], 1e4f);
    EXPECT_EQ(out[2], 0.0f);
    EXPECT_NEAR(out[3], 0, 1e-30);
    table->gelu_tanh_mul(gate.data(), one.data(), 4, out.data());
    EXPECT_NEAR(out[0], 0, 1e-30);
    EXPECT_EQ(out[1], 1e4f);
    table->softmax(nullptr, 0);
    const float logits[] = {3, -inf, std::nanf(""), -90, 2};
    std::vector<float> weights(5);
    table->exp_below(logits, 5, 3, 1, weights.data());
    EXPECT_EQ(weights[0], 1);
    EXPECT_EQ((std::vector<float>(weights.begin() + 1, weights.begin() + 4)), (std::vector<float>{0, 0, 0}));
    EXPECT_NEAR(weights[4], std::exp(-1), 1e-6);
  }
}

TEST(ElementwiseParity, Arithmetic) {
  std::mt19937 rng(3);
  for_tables_and_lengths([&](const KernelTable& table, size_t n) {
    const auto x = numbers(n, 1, rng), y = numbers(n, 1, rng);
    std::vector<float> got = y, expected = y;
    table.add(x.data(), n, got.data());
    reference().add(x.data(), n, expected.data());
    EXPECT_EQ(got, expected);
    table.scaled_add(x.data(), 0.7f, n, got.data());
    reference().scaled_add(x.data(), 0.7f, n, expected.data());
    expect_near(got, expected, kArithmeticTolerance, 3);
    got = expected = y;
    table.multiply(got.data(), 1.7f, n);
    reference().multiply(expected.data(), 1.7f, n);
    EXPECT_EQ(got, expected);
  });
}

TEST(ElementwiseParity, Rope) {
  std::mt19937 rng(4);
  for (const KernelTable* table : available_kernels()) {
    for (const size_t head_dim : {8, 16, 64, 128, 256, 512}) {
      for (const size_t n_pairs : {head_dim / 2, head_dim / 8, head_dim / 2 - 1}) {
        for (const bool interleaved : {false, true}) {
          SCOPED_TRACE(testing::Message() << table->name << " " << head_dim << " " << n_pairs << interleaved);
          std::vector<float> cos(n_pairs), sin(n_pairs);
          for (size_t i = 0; i < n_pairs; i++) {
            cos[i] = std::cos(0.3f * static_cast<float>(i));
            sin[i] = std::sin(0.3f * static_cast<float>(i));
          }
          auto got = numbers(3 * head_dim, 1, rng), expected = got;
          table->rope({got.data(), 3, head_dim, n_pairs, interleaved, cos.data(), sin.data()});
          reference().rope({expected.data(), 3, head_dim, n_pairs, interleaved, cos.data(), sin.data()});
          expect_near(got, expected, kArithmeticTolerance, 3);
        }
      }
    }
  }
}

// The same bytes from every table: results may not depend on which one filled a cache.
TEST(ElementwiseParity, QuantisedActivationsAndCacheRowsAreIdentical) {
  std::mt19937 rng(5);
  for (const KernelTable* table : available_kernels()) {
    for (const size_t n : {32, 64, 96, 512, 2816}) {
      for (const float deviation : {1.0f, 1e-6f, 1e-34f, 1e30f}) {
        SCOPED_TRACE(testing::Message() << table->name << " n " << n << " deviation " << deviation);
        auto x = numbers(n + 1, deviation, rng);
        x[5] = 100 * deviation;
        x[6] = 0;
        for (size_t i = 17; i < 24; i++) x[i] = x[5] * (static_cast<float>(i) + 0.5f) / 127.0f;  // ties
        const float* from = x.data() + 1;
        for (const size_t group : {kActivationGroup, kWideActivationGroup}) {
          if (n % group != 0) continue;
          std::vector<int8_t> q(n), q_expected(n);
          std::vector<float> scale(n / 32), scale_expected(n / 32);
          std::vector<int16_t> sum(n / 16), sum_expected(n / 16);
          table->quantize_activations(from, n, group, {q.data(), scale.data(), sum.data()});
          reference().quantize_activations(from, n, group,
                                           {q_expected.data(), scale_expected.data(), sum_expected.data()});
          EXPECT_EQ(q, q_expected);
          EXPECT_EQ(scale, scale_expected);
          EXPECT_EQ(sum, sum_expected);
        }
        for (const DType dtype : {DType::kF32, DType::kF16, DType::kQ8_0}) {
          std::vector<uint8_t> bytes(row_bytes(dtype, n)), expected(bytes.size());
          table->store_row(from, n, dtype, bytes.data());
          reference().store_row(from, n, dtype, expected.data());
          EXPECT_EQ(bytes, expected) << traits_of(dtype).name;
        }
      }
    }
  }
}

}  // namespace
}  // namespace hearth::kernels
