// Attention of every table against the reference, and each row against itself computed alone.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/kernels.h"

namespace hearth::kernels {
namespace {

// Of an output value, relative to 1: outputs are averages of values of that size.
constexpr double kTolerance = 3e-6;

struct State {
  std::vector<float> m, s, o;
  State(size_t n_rows, size_t dim)
      : m(n_rows, -std::numeric_limits<float>::infinity()), s(n_rows, 0), o(n_rows * dim, 0) {}
};

struct Case {
  DType dtype;
  size_t head_dim, value_dim, n_rows, n_positions;
  float softcap;
};

class AttentionCase {
 public:
  AttentionCase(const Case& c, std::mt19937& rng)
      : c_(c), q_(c.n_rows * (c.head_dim + 5)), first_(c.n_rows), end_(c.n_rows) {
    std::normal_distribution<float> normal;
    for (float& v : q_) v = normal(rng);
    const KernelTable& reference = *find_kernels("reference");
    const auto fill = [&](size_t dim, std::vector<uint8_t>& rows) {
      rows.resize(c.n_positions * row_bytes(c.dtype, dim));
      std::vector<float> row(dim);
      for (size_t p = 0; p < c.n_positions; p++) {
        for (float& v : row) v = normal(rng);
        reference.store_row(row.data(), dim, c.dtype, rows.data() + p * row_bytes(c.dtype, dim));
      }
    };
    fill(c.head_dim, keys_);
    fill(c.value_dim, values_);
  }

  void see(size_t row, int32_t first, int32_t end) {
    first_[row] = first;
    end_[row] = end;
  }

  void run(const KernelTable& table, size_t row, size_t n_rows, State& state) const {
    table.attend({&q_[row * (c_.head_dim + 5)], c_.head_dim + 5, n_rows, c_.head_dim, c_.value_dim,
                  keys_.data(), values_.data(), c_.dtype, c_.n_positions, &first_[row], &end_[row],
                  1.0f / std::sqrt(static_cast<float>(c_.head_dim)), c_.softcap, &state.m[row], &state.s[row],
                  &state.o[row * c_.value_dim]});
  }

  const Case& shape() const { return c_; }
  std::vector<uint8_t>& values() { return values_; }

 private:
  Case c_;
  std::vector<float> q_;
  std::vector<uint8_t> keys_, values_;
  std::vector<int32_t> first_, end_;
};

void compare(const KernelTable& table, const AttentionCase& test) {
  const Case& c = test.shape();
  SCOPED_TRACE(testing::Message() << table.name << " " << traits_of(c.dtype).name << " head " << c.head_dim
                                  << " value " << c.value_dim << " rows " << c.n_rows << " positions "
                                  << c.n_positions);
  State got(c.n_rows, c.value_dim), expected(c.n_rows, c.value_dim), alone(c.n_rows, c.value_dim);
  for (int repeat = 0; repeat < 2; repeat++) {  // the second run rescales
    test.run(table, 0, c.n_rows, got);
    test.run(*find_kernels("reference"), 0, c.n_rows, expected);
    for (size_t r = 0; r < c.n_rows; r++) test.run(table, r, 1, alone);
  }
  for (size_t r = 0; r < c.n_rows; r++) {
    if (expected.s[r] == 0) {
      EXPECT_EQ(got.s[r], 0);
      EXPECT_EQ(got.m[r], -std::numeric_limits<float>::infinity());
    } else {
      EXPECT_NEAR(got.m[r], expected.m[r], 1e-5);
    }
    for (size_t i = 0; i < c.value_dim; i++) {
      const float g = got.o[r * c.value_dim + i], e = expected.o[r * c.value_dim + i];
      if (expected.s[r] == 0) {
        ASSERT_EQ(g, 0) << r << " " << i;
      } else {
        ASSERT_NEAR(g / got.s[r], e / expected.s[r], kTolerance) << r << " " << i;
      }
    }
  }
  EXPECT_EQ(std::memcmp(got.m.data(), alone.m.data(), got.m.size() * 4), 0);
  EXPECT_EQ(std::memcmp(got.s.data(), alone.s.data(), got.s.size() * 4), 0);
  EXPECT_EQ(got.o, alone.o) << "rows computed together differ from rows computed alone";
}

TEST(AttentionParity, CausalTiles) {
  std::mt19937 rng(1);
  for (const KernelTable* table : available_kernels()) {
    if (table->name == "reference") continue;
    for (const DType dtype : {DType::kF32, DType::kF16, DType::kQ8_0}) {
      for (const auto& [head, value] :
           std::vector<std::pair<size_t, size_t>>{{32, 32}, {64, 128}, {96, 96}, {256, 64}, {512, 512}}) {
        for (const size_t n_rows : {1, 2, 3, 4, 7, 13, 33}) {
          for (const size_t n_positions : {1, 3, 33, 256}) {
            AttentionCase test({dtype, head, value, n_rows, n_positions, 0.0f}, rng);
            for (size_t r = 0; r < n_rows; r++) {
              test.see(r, r > 4 ? static_cast<int32_t>(r) - 4 : 0, static_cast<int32_t>(n_positions + r) - 5);
            }
            compare(*table, test);
          }
        }
      }
    }
  }
}

TEST(AttentionParity, HeadsThatAreNoMultipleOfAVector) {
  std::mt19937 rng(2);
  for (const KernelTable* table : available_kernels()) {
    if (table->name == "reference") continue;
    for (const DType dtype : {DType::kF32, DType::kF16}) {
      for (const size_t dim : {1, 8, 12, 72, 80}) {
        AttentionCase test({dtype, dim, dim, 7, 20, 5.0f}, rng);
        for (size_t r = 0; r < 7; r++) test.see(r, 0, static_cast<int32_t>(13 + r));
        compare(*table, test);
      }
    }
  }
}

// Ranges with gaps, out of bounds and empty; what nobody sees may hold NaN.
TEST(AttentionParity, UnseenPositionsAreNotRead) {
  std::mt19937 rng(3);
  for (const KernelTable* table : available_kernels()) {
    AttentionCase test({DType::kF32, 32, 32, 8, 40, 0.0f}, rng);
    for (size_t r = 0; r < 8; r++) {
      if (r % 3 == 0) test.see(r, 2, 7);
      if (r % 3 == 1) test.see(r, 30, 1000);
      if (r % 3 == 2) test.see(r, 9, 9);
    }
    test.see(6, -5, 8);
    test.see(7, 20, 10);
    const float nan = std::numeric_limits<float>::quiet_NaN();
    for (size_t p = 10; p < 30; p++) std::memcpy(&test.values()[p * 32 * 4], &nan, sizeof nan);
    compare(*table, test);
  }
}

// Scores far apart: weights underflow to zero, and the running maximum rises by a lot between runs.
TEST(AttentionParity, LargeScores) {
  std::mt19937 rng(4);
  for (const KernelTable* table : available_kernels()) {
    Case c{DType::kF32, 64, 64, 3, 50, 0.0f};
    AttentionCase low(c, rng), high(c, rng);
    std::vector<float> q(3 * 64, 30.0f), k(50 * 64), v(50 * 64);
    std::normal_distribution<float> normal;
    for (float& x : k) x = normal(rng);
    for (float& x : v) x = normal(rng);
    const int32_t first[3] = {0, 0, 0}, end[3] = {50, 50, 50};
    State got(3, 64), expected(3, 64);
    for (const float scale : {0.01f, 1.0f, 0.1f}) {
      for (State* state : {&got, &expected}) {
        const KernelTable& by = state == &got ? *table : *find_kernels("reference");
        by.attend({q.data(), 64, 3, 64, 64, k.data(), v.data(), DType::kF32, 50, first, end, scale, 0.0f,
                   state->m.data(), state->s.data(), state->o.data()});
      }
    }
    for (size_t i = 0; i < got.o.size(); i++) {
      ASSERT_TRUE(std::isfinite(got.o[i]));
      // Scores near 700 are rounded to about 6e-5 before exp.
      ASSERT_NEAR(got.o[i] / got.s[i / 64], expected.o[i] / expected.s[i / 64], 1e-3);
    }
  }
}

}  // namespace
}  // namespace hearth::kernels
