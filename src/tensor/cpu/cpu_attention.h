// Attention over paged keys and values. The query heads that share a KV head are stacked, so that each stored
// key and value is read once for all of them.
#pragma once

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
  // A run of adjacent rows of one sequence: the unit of work together with a KV head.
  struct Tile {
    int64_t first_row;
    int64_t n_rows;
  };
  // What one thread works in.
  struct ThreadScratch {
    FloatScratch q, o, m, s;
    std::vector<int32_t> first_visible, end_visible;    // per query row, positions
    std::vector<int32_t> first_in_block, end_in_block;  // the same within the block at hand
  };

  void attend_tile(const AttentionArgs& args, const Tile& tile, int kv_head, ThreadScratch& scratch);

  const kernels::KernelTable& kernels_;
  ThreadPool& pool_;
  std::vector<ThreadScratch> scratch_;
  std::vector<Tile> tiles_;
};

}  // namespace hearth::tensor
