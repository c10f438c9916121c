// Attention of every table against the reference, and each row against itself computed alone.
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

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct State {
  std::vector<float> m, s, o;
  State(size_t n_rows, size_t dim) : m(n_rows, -kInfinity), s(n_rows, 0), o(n_rows * dim, 0) {}
  AttendState from(size_t row, size_t dim) { return {&m[row], &s[row], &o[row * dim]}; }
};

struct Case {
  DType dtype;
  size_t head_dim, value_dim, n_rows, n_positions;
  float softcap = 0;
  float q_scale = 1;
};

// Of an output value: outputs are averages of values of size 1. BF16 rounds all factors to 8 bits.
double tolerance(const KernelTable& table, DType dtype) {
  return dtype != DType::kF32 && table.name == "avx512_bf16" ? 2e-2 : 3e-6;
}

class AttentionCase {
 public:
  AttentionCase(const Case& c, std::mt19937& rng)
      : c_(c), q_(c.n_rows * (c.head_dim + 5)), first_(c.n_rows), end_(c.n_rows) {
    std::normal_distribution<float> normal;
    for (float& v : q_) v = c.q_scale * normal(rng);
    if (c.dtype == DType::kQ8_0) make_int8_queries(rng);
    const KernelTable& reference = *find_kernels("reference");
    const size_t n_blocks = (c.n_positions + kAttendBlock - 1) / kAttendBlock;
    const auto fill = [&](size_t dim, std::vector<uint8_t>& rows) {
      rows.resize(n_blocks * kAttendBlock * row_bytes(c.dtype, dim));
      std::vector<float> row(dim);
      for (size_t p = 0; p < n_blocks * kAttendBlock; p++) {
        for (float& v : row) v = normal(rng);
        reference.store_row(row.data(), dim, c.dtype, rows.data() + p * row_bytes(c.dtype, dim));
      }
    };
    fill(c.head_dim, keys_);
    fill(c.value_dim, values_);
    for (size_t b = 0; b < n_blocks; b++) {
      blocks_.push_back({&keys_[b * kAttendBlock * row_bytes(c.dtype, c.head_dim)],
                         &values_[b * kAttendBlock * row_bytes(c.dtype, c.value_dim)]});
    }
  }

  void see(size_t row, size_t first, size_t end) {
    first_[row] = static_cast<int32_t>(first);
    end_[row] = static_cast<int32_t>(std::min(end, c_.n_positions));
  }
  // Rows as of consecutive tokens, the last of which sees all positions.
  void see_causally(size_t window) {
    for (size_t r = 0; r < c_.n_rows; r++) {
      const size_t end = c_.n_positions + r + 1 > c_.n_rows ? c_.n_positions + r + 1 - c_.n_rows : 0;
      see(r, end > window ? end - window : 0, end);
    }
  }

  // Only what lies in positions [begin, end), begin at a span.
  void run(const KernelTable& table, size_t row, size_t n_rows, size_t begin, size_t end,
           const AttendState& state) const {
    std::vector<int32_t> first(n_rows), stop(n_rows);
    for (size_t r = 0; r < n_rows; r++) {
      const auto within = [&](int32_t p) {
        return static_cast<int32_t>(std::clamp(static_cast<size_t>(p), begin, end) - begin);
      };
      first[r] = within(first_[row + r]);
      stop[r] = within(end_[row + r]);
    }
    std::vector<std::byte> scratch(attend_scratch_bytes(n_rows, c_.head_dim) + 64);
    auto* aligned =
        reinterpret_cast<std::byte*>((reinterpret_cast<uintptr_t>(scratch.data()) + 63) / 64 * 64);
    table.attend({.q = &q_[row * (c_.head_dim + 5)],
                  .q_stride = c_.head_dim + 5,
                  .n_rows = n_rows,
                  .head_dim = c_.head_dim,
                  .value_dim = c_.value_dim,
                  .dtype = c_.dtype,
                  .blocks = &blocks_[begin / kAttendBlock],
                  .first_visible = first.data(),
                  .end_visible = stop.data(),
                  .scale = 1.0f / std::sqrt(static_cast<float>(c_.head_dim)),
                  .softcap = c_.softcap,
                  .state = state,
                  .scratch = aligned});
  }
  void run_all(const KernelTable& table, size_t row, size_t n_rows, State& state) const {
    run(table, row, n_rows, 0, c_.n_positions, state.from(row, c_.value_dim));
  }

  const Case& shape() const { return c_; }
  void drop_block(size_t block) { blocks_[block] = {nullptr, nullptr}; }
  // Sets a position's key and value to NaN (F32 only).
  void poison(size_t position) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    for (size_t i = 0; i < c_.head_dim; i++) std::memcpy(&keys_[4 * (position * c_.head_dim + i)], &nan, 4);
    for (size_t i = 0; i < c_.value_dim; i++) {
      std::memcpy(&values_[4 * (position * c_.value_dim + i)], &nan, 4);
    }
  }

 private:
  // Q8_0 keys may be multiplied in integers: queries that lose nothing by it.
  void make_int8_queries(std::mt19937& rng) {
    std::uniform_int_distribution<int> integer(-127, 127);
    for (float& v : q_) v = c_.q_scale * static_cast<float>(integer(rng)) / 64;
    for (size_t r = 0; r < c_.n_rows; r++) {
      for (size_t i = 0; i < c_.head_dim; i += 32) q_[r * (c_.head_dim + 5) + i] = c_.q_scale * 127 / 64;
    }
  }

  Case c_;
  std::vector<float> q_;
  std::vector<uint8_t> keys_, values_;
  std::vector<AttendBlock> blocks_;
  std::vector<int32_t> first_, end_;
};

void expect_same_bits(const State& a, const State& b, const char* what) {
  EXPECT_EQ(std::memcmp(a.m.data(), b.m.data(), a.m.size() * 4), 0) << what;
  EXPECT_EQ(std::memcmp(a.s.data(), b.s.data(), a.s.size() * 4), 0) << what;
  EXPECT_EQ(a.o, b.o) << what;
}

void compare(const KernelTable& table, const AttentionCase& test, double limit) {
  const Case& c = test.shape();
  SCOPED_TRACE(testing::Message() << table.name << " " << traits_of(c.dtype).name << " head " << c.head_dim
                                  << " value " << c.value_dim << " rows " << c.n_rows << " positions "
                                  << c.n_positions);
  State got(c.n_rows, c.value_dim), expected(c.n_rows, c.value_dim), alone(c.n_rows, c.value_dim);
  State split(c.n_rows, c.value_dim);
  test.run_all(table, 0, c.n_rows, got);
  test.run_all(*find_kernels("reference"), 0, c.n_rows, expected);
  for (size_t r = 0; r < c.n_rows; r++) test.run_all(table, r, 1, alone);
  for (size_t begin = 0; begin < c.n_positions; begin += kAttendSpan) {
    State part(c.n_rows, c.value_dim);
    test.run(table, 0, c.n_rows, begin, std::min(begin + kAttendSpan, c.n_positions),
             part.from(0, c.value_dim));
    table.merge_attention(part.from(0, c.value_dim), c.n_rows, c.value_dim, split.from(0, c.value_dim));
  }
  for (size_t r = 0; r < c.n_rows; r++) {
    if (expected.s[r] == 0) {
      EXPECT_EQ(got.s[r], 0);
      EXPECT_EQ(got.m[r], -kInfinity);
    }
    for (size_t i = 0; i < c.value_dim; i++) {
      const float g = got.o[r * c.value_dim + i], e = expected.o[r * c.value_dim + i];
      if (expected.s[r] == 0) {
        ASSERT_EQ(g, 0) << r << " " << i;
      } else {
        ASSERT_NEAR(g / got.s[r], e / expected.s[r], limit) << r << " " << i;
      }
    }
  }
  expect_same_bits(got, alone, "rows together, rows alone");
  expect_same_bits(got, split, "one run, spans merged");
}

template <typename F>
void for_tables(const F& f) {
  for (const KernelTable* table : available_kernels()) f(*table);
}

TEST(AttentionParity, CausalTiles) {
  std::mt19937 rng(1);
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kQ8_0}) {
    for (const auto& [head, value] :
         std::vector<std::pair<size_t, size_t>>{{32, 32}, {64, 128}, {96, 96}, {256, 64}, {512, 512}}) {
      for (const size_t n_rows : {1, 2, 3, 4, 7, 13, 33}) {
        for (const size_t n_positions : {1, 3, 33, 256, 333}) {
          AttentionCase test({dtype, head, value, n_rows, n_positions}, rng);
          test.see_causally(n_positions);
          for_tables([&](const KernelTable& t) { compare(t, test, tolerance(t, dtype)); });
        }
      }
    }
  }
}

TEST(AttentionParity, Windows) {
  std::mt19937 rng(2);
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kQ8_0}) {
    for (const size_t window : {1, 5, 64, 250, 300, 513}) {
      for (const size_t n_rows : {1, 8, 40}) {
        AttentionCase test({dtype, 64, 64, n_rows, 700}, rng);
        test.see_causally(window);
        for (size_t b = 0; (b + 1) * kAttendBlock + n_rows + window <= 700; b++) test.drop_block(b);
        for_tables([&](const KernelTable& t) { compare(t, test, tolerance(t, dtype)); });
      }
    }
  }
}

TEST(AttentionParity, HeadsThatAreNoMultipleOfAVector) {
  std::mt19937 rng(3);
  for (const DType dtype : {DType::kF32, DType::kF16}) {
    for (const size_t dim : {1, 8, 12, 72, 80}) {
      AttentionCase test({dtype, dim, dim, 7, 20, 5.0f}, rng);
      test.see_causally(20);
      for_tables([&](const KernelTable& t) { compare(t, test, tolerance(t, dtype)); });
    }
  }
}

TEST(AttentionParity, RangesThatBeginAndEndAnywhere) {
  std::mt19937 rng(4);
  std::uniform_int_distribution<size_t> anywhere(0, 600);
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kQ8_0}) {
    for (int repeat = 0; repeat < 20; repeat++) {
      AttentionCase test({dtype, 32, 32, 11, 600, repeat % 2 == 0 ? 0.0f : 2.0f}, rng);
      const size_t middle = anywhere(rng);  // which all see that see anything: no gaps
      for (size_t r = 0; r < 11; r++) {
        const size_t a = anywhere(rng), b = anywhere(rng);
        if (r % 4 != 3)
          test.see(r, std::min(a, middle), std::max(b, middle));
        else
          test.see(r, 9, 9);
      }
      for_tables([&](const KernelTable& t) { compare(t, test, tolerance(t, dtype)); });
    }
  }
}

TEST(AttentionParity, WhatNoRowSeesMayHoldAnything) {
  std::mt19937 rng(5);
  for (const size_t first : {0, 1, 70, 257}) {
    for (const size_t end : {301, 320, 511}) {
      AttentionCase test({DType::kF32, 32, 32, 8, 512}, rng);
      for (size_t r = 0; r < 8; r++) test.see(r, first + r, end - r);
      for (size_t p = 0; p < 512; p++) {
        if (p < first || p >= end) test.poison(p);
      }
      for_tables([&](const KernelTable& t) { compare(t, test, tolerance(t, DType::kF32)); });
    }
  }
}

// Scores far apart: weights underflow to zero, and the running maximum rises by a lot between spans.
TEST(AttentionParity, LargeScores) {
  std::mt19937 rng(6);
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kQ8_0}) {
    AttentionCase test({dtype, 64, 64, 3, 600, 0.0f, 200.0f}, rng);
    test.see_causally(600);
    for_tables([&](const KernelTable& table) {
      State got(3, 64), expected(3, 64);
      test.run_all(table, 0, 3, got);
      test.run_all(*find_kernels("reference"), 0, 3, expected);
      for (size_t i = 0; i < got.o.size(); i++) {
        ASSERT_TRUE(std::isfinite(got.o[i]));
        // Scores near 700 are rounded to about 6e-5 before exp; coarser factors may prefer another position.
        if (tolerance(table, dtype) < 1e-5) {
          ASSERT_NEAR(got.o[i] / got.s[i / 64], expected.o[i] / expected.s[i / 64], 1e-3);
        }
      }
    });
  }
}

// Where all factors have 8 significant bits, only the weights are rounded.
TEST(AttentionParity, Bf16RoundsOnlyWhatDoesNotFit) {
  const KernelTable* table = find_kernels("avx512_bf16");
  if (table == nullptr) GTEST_SKIP() << "no BF16 on this processor";
  std::mt19937 rng(7);
  std::uniform_int_distribution<int> small(-127, 127);
  constexpr size_t kDim = 64, kPositions = 300;
  std::vector<float> q(kDim), row(kDim);
  for (float& x : q) x = static_cast<float>(small(rng)) / 64;
  std::vector<uint8_t> keys(320 * kDim * 2), values(keys.size());
  for (size_t p = 0; p < 320; p++) {
    for (auto* rows : {&keys, &values}) {
      for (float& x : row) x = static_cast<float>(small(rng)) / 64;
      table->store_row(row.data(), kDim, DType::kF16, &(*rows)[p * kDim * 2]);
    }
  }
  std::vector<AttendBlock> blocks;
  for (size_t p = 0; p < 320; p += kAttendBlock)
    blocks.push_back({&keys[p * kDim * 2], &values[p * kDim * 2]});
  alignas(64) static std::byte scratch[attend_scratch_bytes(1, kDim)];
  const int32_t first = 0, end = kPositions;
  State got(1, kDim), expected(1, kDim);
  for (State* state : {&got, &expected}) {
    (state == &got ? table : find_kernels("reference"))
        ->attend({.q = q.data(),
                  .q_stride = kDim,
                  .n_rows = 1,
                  .head_dim = kDim,
                  .value_dim = kDim,
                  .dtype = DType::kF16,
                  .blocks = blocks.data(),
                  .first_visible = &first,
                  .end_visible = &end,
                  .scale = 0.125f,
                  .softcap = 0,
                  .state = state->from(0, kDim),
                  .scratch = scratch});
  }
  EXPECT_NEAR(got.m[0], expected.m[0], 1e-5);
  EXPECT_NEAR(got.s[0] / expected.s[0], 1, 1e-3);
  for (size_t i = 0; i < kDim; i++) {
    EXPECT_NEAR(got.o[i] / got.s[0], expected.o[i] / expected.s[0], 1e-3) << i;
  }
}

}  // namespace
}  // namespace hearth::kernels
