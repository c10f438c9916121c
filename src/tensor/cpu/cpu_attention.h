// Attention over paged keys and values. The query heads that share a KV head are stacked, so that each stored
// key and value is read once for all of them. Long contexts of few rows are split over the threads by spans
// of positions, which does not change a bit of the result.
#pragma once

#include <atomic>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "tensor/cpu/scratch.h"

namespace hearth::tensor {

class CpuAttention {
 public:
  CpuAttention(const kernels::KernelTable& kernels, ThreadPool& pool) : kernels_(kernels), pool_(pool) {}

  Status reserve(const BackendLimits& limits);
  size_t scratch_bytes() const;

  void store(TensorView k, TensorView v, const KvLayer& kv, const RowMap& rows);
  void run(const AttentionArgs& args);

 private:
  // A run of adjacent rows of one sequence and the positions that any of them sees: the unit of work together
  // with a KV head.
  struct Tile {
    int64_t first_row;
    int64_t n_rows;
    int32_t first_visible, end_visible;

    int32_t first_span() const;
    int32_t n_spans() const;
  };
  // A tile and a KV head, and some of its spans of positions.
  struct Work {
    const Tile* tile;
    int kv_head;
    int32_t first_span, n_spans;
  };
  // One span of pair number `pair` of a tile and a KV head, and where its partial results are.
  struct SpanWork {
    size_t pair;
    Work work;
    size_t first_row;
  };
  // What one thread works in.
  struct ThreadScratch {
    FloatScratch q, o, m, s;
    AlignedBuffer kernel;
    std::vector<int32_t> first_visible, end_visible;  // per query row
  };
  // Query rows of partial results, in memory order.
  struct Partials {
    FloatScratch o, m, s;
    kernels::AttendState rows(size_t first, size_t value_dim) const {
      return {m.data() + first, s.data() + first, o.data() + first * value_dim};
    }
  };

  void make_tiles(const AttentionArgs& args);
  void run_whole(const AttentionArgs& args);
  void run_split(const AttentionArgs& args);
  // Starts the state of the tile's query rows (token rows, each with its heads) and adds what they see in the
  // spans.
  void attend(const AttentionArgs& args, const Work& work, const kernels::AttendState& state,
              ThreadScratch& scratch) const;
  void finish(const AttentionArgs& args, const Tile& tile, int kv_head,
              const kernels::AttendState& state) const;

  const kernels::KernelTable& kernels_;
  ThreadPool& pool_;
  std::vector<ThreadScratch> scratch_;
  std::vector<Tile> tiles_;
  std::vector<SpanWork> wave_;
  Partials partials_;  // of single spans
  Partials merged_;    // of tiles and heads that are split
};

}  // namespace hearth::tensor
