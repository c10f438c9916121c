// Every table's matmul against the reference, and against itself: an output may not depend on how many tokens
// or rows were computed with it.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/kernels.h"
#include "kernels/parity/random_blocks.h"

namespace hearth::kernels {
namespace {

// Error allowed, relative to Σ |w·x| of the output. Both sides sum the same terms; only the order of float
// additions differs.
constexpr double kQuantizedTolerance = 1e-5;
constexpr double kFloatTolerance = 1e-5;
// Products with subnormal scales lose digits of their own.
constexpr double kAbsoluteTolerance = 1e-37;

const KernelTable& reference() {
  return *find_kernels("reference");
}

struct Activations {
  std::vector<float> x;
  std::vector<int8_t> q;
  std::vector<float> scale;
  std::vector<int16_t> sum;

  Activations(DType dtype, size_t n_tokens, size_t n_in, std::mt19937& rng)
      : x(n_tokens * n_in), q(n_tokens * n_in), scale(n_tokens * n_in / 32), sum(n_tokens * n_in / 16) {
    std::normal_distribution<float> normal;
    for (float& v : x) v = normal(rng);
    x[n_in / 3] = 3e4f;                                       // a huge outlier
    for (size_t i = 0; i < 32; i++) x[x.size() - 1 - i] = 0;  // an empty group
    if (n_tokens > 1) {
      for (size_t i = 0; i < n_in; i++) x[n_in + i] = i % 2 != 0 ? 1.0f : -1.0f;  // q = ±127 everywhere
    }
    if (n_tokens > 2) {
      for (size_t i = 0; i < n_in; i++) x[2 * n_in + i] = 2.0f;
    }
    const size_t group = reference().matmul[static_cast<size_t>(dtype)].activation_group;
    for (size_t t = 0; t < n_tokens && group > 0; t++) {
      reference().quantize_activations(&x[t * n_in], n_in, group, rows(t, n_in));
    }
  }

  QuantizedRows rows(size_t token, size_t n_in) {
    return {&q[token * n_in], &scale[token * n_in / 32], &sum[token * n_in / 16]};
  }
};

constexpr float kUntouched = 12345.0f;

struct Problem {
  DType dtype;
  size_t n_out, n_in;
  const uint8_t* weight;
  Activations& activations;

  // Rows [row, row + n_rows) of tokens [token, token + n_tokens), in a buffer with guards round each token.
  std::vector<float> run(const KernelTable& table, size_t row, size_t n_rows, size_t token,
                         size_t n_tokens) const {
    const size_t stride = n_rows + 3;
    std::vector<float> out(n_tokens * stride + 2, kUntouched);
    MatmulArgs args{};
    args.weight_row_bytes = row_bytes(dtype, n_in);
    args.weight = weight + row * args.weight_row_bytes;
    args.n_out = n_rows;
    args.n_in = n_in;
    args.x_f32 = &activations.x[token * n_in];
    args.x_q8 = activations.rows(token, n_in);
    args.n_tokens = n_tokens;
    args.out = out.data() + 2;
    args.out_stride = stride;
    table.matmul[static_cast<size_t>(dtype)].run(args);
    std::vector<float> dense(n_tokens * n_rows);
    EXPECT_EQ(out[0], kUntouched);
    EXPECT_EQ(out[1], kUntouched);
    for (size_t t = 0; t < n_tokens; t++) {
      for (size_t r = 0; r < stride; r++) {
        const float value = out[2 + t * stride + r];
        if (r < n_rows) {
          dense[t * n_rows + r] = value;
        } else {
          EXPECT_EQ(value, kUntouched) << "written past the row of token " << t;
        }
      }
    }
    return dense;
  }
};

void expect_close(const KernelTable& table, const Problem& p, size_t n_tokens,
                  const std::vector<float>& got) {
  const std::vector<float> expected = p.run(reference(), 0, p.n_out, 0, n_tokens);
  const bool quantized = table.matmul[static_cast<size_t>(p.dtype)].activation_group > 0;
  const double relative = quantized ? kQuantizedTolerance : kFloatTolerance;
  std::vector<float> w(p.n_in);
  size_t failures = 0;
  for (size_t r = 0; r < p.n_out && failures < 3; r++) {
    reference().dequantize_row[static_cast<size_t>(p.dtype)](p.weight + r * row_bytes(p.dtype, p.n_in),
                                                             w.data(), p.n_in);
    for (size_t t = 0; t < n_tokens && failures < 3; t++) {
      double size = 0;
      for (size_t i = 0; i < p.n_in; i++)
        size += std::fabs(static_cast<double>(w[i]) * p.activations.x[t * p.n_in + i]);
      const double error = std::fabs(static_cast<double>(got[t * p.n_out + r]) - expected[t * p.n_out + r]);
      if (!(error <= relative * size + kAbsoluteTolerance)) {
        failures++;
        ADD_FAILURE() << "row " << r << " token " << t << ": " << got[t * p.n_out + r] << ", expected "
                      << expected[t * p.n_out + r] << ", size " << size;
      }
    }
  }
}

void check(const KernelTable& table, DType dtype, size_t n_out, size_t n_in, Pattern pattern,
           const std::vector<size_t>& token_counts, std::mt19937& rng) {
  SCOPED_TRACE(testing::Message() << table.name << " " << traits_of(dtype).name << " rows " << n_out
                                  << " columns " << n_in << " pattern " << static_cast<int>(pattern));
  const size_t most = token_counts.back();
  const std::vector<uint8_t> rows = make_rows(dtype, n_out, n_in, pattern, rng);
  Activations activations(dtype, most, n_in, rng);
  const Problem p{dtype, n_out, n_in, rows.data() + 1, activations};
  const std::vector<float> all = p.run(table, 0, n_out, 0, most);
  expect_close(table, p, most, all);

  const auto same = [&](const std::vector<float>& part, size_t row, size_t n_rows, size_t token,
                        size_t n_tokens) {
    for (size_t t = 0; t < n_tokens; t++) {
      const float* whole = &all[(token + t) * n_out + row];
      EXPECT_EQ(std::memcmp(&part[t * n_rows], whole, n_rows * sizeof(float)), 0)
          << "bits differ: rows from " << row << " (" << n_rows << "), tokens from " << token << " ("
          << n_tokens << ")";
    }
  };
  for (const size_t n : token_counts) same(p.run(table, 0, n_out, most - n, n), 0, n_out, most - n, n);
  for (const size_t split : {size_t{1}, n_out / 2, n_out - 1}) {
    if (split == 0 || split >= n_out) continue;
    for (const size_t n : {size_t{1}, most}) {
      same(p.run(table, 0, split, 0, n), 0, split, 0, n);
      same(p.run(table, split, n_out - split, 0, n), split, n_out - split, 0, n);
    }
  }
}

class MatmulParity : public testing::TestWithParam<DTypeTraits> {};

TEST_P(MatmulParity, MatchesReferenceAndItself) {
  const DTypeTraits traits = GetParam();
  const std::vector<size_t> token_counts = {1, 2, 3, 4, 5, 6, 7, 8, 9, 17, 64};
  std::mt19937 rng(traits.block_bytes);
  for (const KernelTable* table : available_kernels()) {
    if (table->name == "reference") continue;
    for (const size_t n_in : {32, 64, 96, 256, 512, 544, 768, 2112, 2816}) {
      if (n_in % traits.block_size != 0) continue;
      for (const size_t n_out : {1, 2, 3, 5, 17, 33}) {
        if (n_in > 768 && n_out != 5 && n_out != 33) continue;
        check(*table, traits.dtype, n_out, n_in, Pattern::kRandom, token_counts, rng);
      }
    }
  }
}

TEST_P(MatmulParity, Extremes) {
  const DTypeTraits traits = GetParam();
  std::mt19937 rng(7);
  for (const KernelTable* table : available_kernels()) {
    if (table->name == "reference") continue;
    for (const Pattern pattern : {Pattern::kAllMax, Pattern::kAllMin, Pattern::kZeros, Pattern::kTinyScale}) {
      check(*table, traits.dtype, 21, 512, pattern, {1, 3, 11}, rng);
    }
  }
}

// Columns that are no multiple of a vector, for the formats that allow it.
TEST(MatmulFloatParity, AnyNumberOfColumns) {
  std::mt19937 rng(8);
  for (const KernelTable* table : available_kernels()) {
    if (table->name == "reference") continue;
    for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
      for (const size_t n_in : {33, 40, 47, 63, 129}) {
        const std::vector<uint8_t> rows = make_rows(dtype, 6, n_in, Pattern::kRandom, rng);
        Activations activations(dtype, 7, 4 * n_in, rng);  // only its floats are used
        const Problem p{dtype, 6, n_in, rows.data() + 1, activations};
        const std::vector<float> all = p.run(*table, 0, 6, 0, 7);
        expect_close(*table, p, 7, all);
        const std::vector<float> one = p.run(*table, 5, 1, 6, 1);
        EXPECT_EQ(one[0], all[6 * 6 + 5]);
      }
    }
  }
}

TEST(MatmulEdge, NoTokensAndNoRowsWriteNothing) {
  std::mt19937 rng(9);
  for (const KernelTable* table : available_kernels()) {
    for (const DTypeTraits& traits : kDTypes) {
      const std::vector<uint8_t> rows = make_rows(traits.dtype, 2, 256, Pattern::kRandom, rng);
      Activations activations(traits.dtype, 2, 256, rng);
      const Problem p{traits.dtype, 2, 256, rows.data() + 1, activations};
      EXPECT_TRUE(p.run(*table, 0, 2, 0, 0).empty());
      EXPECT_TRUE(p.run(*table, 0, 0, 0, 2).empty());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllFormats, MatmulParity, testing::ValuesIn(kDTypes),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace hearth::kernels
