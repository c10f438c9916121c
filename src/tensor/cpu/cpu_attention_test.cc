// Attention over a paged cache against a softmax in double, split over any number of threads.
#include "tensor/cpu/cpu_attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace hearth::tensor {
namespace {

using kernels::DType;

struct Shape {
  int n_heads, n_kv_heads, head_dim;
};

// Sequences whose last rows are computed in one batch.
struct SequenceRows {
  int n_positions, n_rows;
};

class PagedCache {
 public:
  PagedCache(const Shape& shape, DType dtype, std::vector<SequenceRows> sequences)
      : shape_(shape), rows_of_(std::move(sequences)), width_(shape.n_kv_heads * shape.head_dim) {
    std::mt19937 rng(1);
    size_t n_blocks = 0;
    for (const SequenceRows& s : rows_of_) n_blocks += static_cast<size_t>(s.n_positions) / kBlockTokens + 1;
    std::vector<BlockId> free(n_blocks);
    for (size_t i = 0; i < n_blocks; ++i) free[i] = static_cast<BlockId>(i);
    std::shuffle(free.begin(), free.end(), rng);
    const size_t head_bytes = kBlockTokens * kernels::row_bytes(dtype, static_cast<size_t>(shape.head_dim)) *
                              static_cast<size_t>(shape.n_kv_heads);
    pool_.resize(n_blocks * 2 * head_bytes);
    layer_ = {.pool = pool_.data(),
              .block_bytes = 2 * head_bytes,
              .keys_offset = 0,
              .values_offset = head_bytes,
              .dtype = dtype,
              .n_kv_heads = shape.n_kv_heads,
              .key_dim = shape.head_dim,
              .value_dim = shape.head_dim,
              .kind = 0};
    std::normal_distribution<float> normal;
    for (size_t s = 0; s < rows_of_.size(); ++s) {
      auto& blocks = blocks_.emplace_back();
      for (int p = 0; p < rows_of_[s].n_positions; p += kBlockTokens) {
        blocks.push_back(free.back());
        free.pop_back();
      }
      for (auto* values : {&keys_, &values_}) {
        auto& rows = values->emplace_back(static_cast<size_t>(rows_of_[s].n_positions * width_));
        for (float& x : rows) x = normal(rng);
      }
      for (int i = rows_of_[s].n_positions - rows_of_[s].n_rows; i < rows_of_[s].n_positions; ++i) {
        sequence_.push_back(static_cast<int32_t>(s));
        position_.push_back(i);
      }
    }
    q_.resize(sequence_.size() * static_cast<size_t>(shape.n_heads * shape.head_dim));
    for (float& x : q_) x = normal(rng);
    for (size_t s = 0; s < rows_of_.size(); ++s) {
      views_.push_back({.blocks = {blocks_[s], {}}, .n_positions = rows_of_[s].n_positions});
    }
  }

  std::vector<float> run(const kernels::KernelTable& table, int n_threads, int window, bool causal) {
    ThreadPool pool(n_threads);
    CpuAttention attention(table, pool);
    const auto n_rows = static_cast<int64_t>(sequence_.size());
    const int64_t q_width = shape_.n_heads * shape_.head_dim;
    EXPECT_TRUE(attention.reserve({.max_rows = n_rows,
                                   .max_head_dim = shape_.head_dim,
                                   .max_head_group = shape_.n_heads / shape_.n_kv_heads}));
    for (size_t s = 0; s < rows_of_.size(); ++s) {
      std::vector<int32_t> sequence(static_cast<size_t>(rows_of_[s].n_positions), static_cast<int32_t>(s));
      std::vector<int32_t> position(sequence.size());
      for (size_t p = 0; p < position.size(); ++p) position[p] = static_cast<int32_t>(p);
      const auto n = static_cast<int64_t>(position.size());
      attention.store({keys_[s].data(), n, width_, width_}, {values_[s].data(), n, width_, width_}, layer_,
                      {sequence, position, views_});
    }
    const RowMap rows = {sequence_, position_, views_};
    std::vector<float> out(q_.size());
    attention.run({.q = {q_.data(), n_rows, q_width, q_width},
                   .kv = &layer_,
                   .rows = &rows,
                   .n_heads = shape_.n_heads,
                   .scale = 0.2f,
                   .softcap = 0,
                   .window = window,
                   .causal = causal,
                   .out = {out.data(), n_rows, q_width, q_width}});
    return out;
  }

  // One row's head, in double.
  std::vector<double> expected(size_t row, int head, int window, bool causal) const {
    const auto s = static_cast<size_t>(sequence_[row]);
    const int position = position_[row];
    const auto dim = static_cast<size_t>(shape_.head_dim);
    const size_t kv = static_cast<size_t>(head / (shape_.n_heads / shape_.n_kv_heads)) * dim;
    const float* q = &q_[(row * static_cast<size_t>(shape_.n_heads) + static_cast<size_t>(head)) * dim];
    std::vector<double> out(dim, 0);
    double total = 0;
    for (int p = 0; p < rows_of_[s].n_positions; ++p) {
      if (causal && (p > position || (window > 0 && position - p >= window))) continue;
      if (!causal && window > 0 && std::abs(p - position) > window / 2) continue;
      const size_t at = static_cast<size_t>(p * width_) + kv;
      double dot = 0;
      for (size_t i = 0; i < dim; ++i) dot += static_cast<double>(q[i]) * keys_[s][at + i];
      const double weight = std::exp(0.2f * dot);
      total += weight;
      for (size_t i = 0; i < dim; ++i) out[i] += weight * static_cast<double>(values_[s][at + i]);
    }
    for (double& x : out) x /= total;
    return out;
  }

  size_t n_rows() const { return sequence_.size(); }

 private:
  Shape shape_;
  std::vector<SequenceRows> rows_of_;
  int width_;  // of a position's keys, all heads
  std::vector<std::byte> pool_;
  KvLayer layer_;
  std::vector<std::vector<BlockId>> blocks_;
  std::vector<std::vector<float>> keys_, values_;
  std::vector<SequenceKv> views_;
  std::vector<int32_t> sequence_, position_;
  std::vector<float> q_;
};

TEST(CpuAttention, EveryNumberOfThreadsGivesTheSameBits) {
  const kernels::KernelTable& table = *kernels::available_kernels().front();
  // One long context; a batch of several; too many spans for one wave of partial results.
  const std::vector<std::pair<Shape, std::vector<SequenceRows>>> cases = {
      {{4, 1, 32}, {{1500, 1}}},
      {{4, 2, 32}, {{700, 3}, {64, 1}, {257, 1}, {20, 20}}},
      {{16, 1, 32}, {{4000, 8}, {3000, 7}, {2500, 8}}},
      {{8, 2, 32}, {{600, 40}}},
  };
  for (const auto& [shape, sequences] : cases) {
    for (const DType dtype : {DType::kF32, DType::kF16}) {
      PagedCache cache(shape, dtype, sequences);
      for (const int window : {0, 100, 300}) {
        for (const bool causal : {true, false}) {
          const std::vector<float> one = cache.run(table, 1, window, causal);
          for (const int n_threads : {2, 5, 16}) {
            EXPECT_EQ(one, cache.run(table, n_threads, window, causal)) << n_threads << " " << window;
          }
          if (dtype != DType::kF32) continue;
          for (size_t row = 0; row < cache.n_rows(); row += 3) {
            const int head = static_cast<int>(row) % shape.n_heads;
            const std::vector<double> expected = cache.expected(row, head, window, causal);
            const auto dim = static_cast<size_t>(shape.head_dim);
            const size_t at = (row * static_cast<size_t>(shape.n_heads) + static_cast<size_t>(head)) * dim;
            for (size_t i = 0; i < dim; ++i)
              ASSERT_NEAR(one[at + i], expected[i], 2e-6) << row << " " << window;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace hearth::tensor
