// Keys and values of all sequences of one model, in two pools: one for layers with full attention, one for
// sliding-window layers, whose blocks return to the pool once the window has passed them. Layers that share
// another layer's cache own nothing and point at the donor.
#pragma once

#include <memory>
#include <vector>

#include "engine/block_pool.h"
#include "model/model_config.h"
#include "tensor/backend.h"

namespace hearth::engine {

struct KvCacheOptions {
  kernels::DType dtype = kernels::DType::kF16;  // F32, F16 or Q8_0
  int64_t context_length = 0;                   // longest sequence
  int64_t max_batch_rows = 256;                 // positions a sequence may gain in one step
  int64_t n_contexts = 2;                       // how many sequences of full length fit at once
};

// The sizes of a cache, before anything is allocated.
struct KvPlan {
  struct Kind {
    int64_t n_layers = 0;  // that own keys and values
    size_t block_bytes = 0;
    int64_t n_blocks = 0;
    size_t bytes() const { return block_bytes * static_cast<size_t>(n_blocks); }
  };
  Kind kinds[tensor::kMaxKvKinds];  // by model::AttentionKind
  size_t bytes() const { return kinds[0].bytes() + kinds[1].bytes(); }

  // kUnsupported when a head's width does not fit the format.
  static Result<KvPlan> create(const model::ModelConfig& config, const KvCacheOptions& options);
};

// The blocks of one sequence. Returned to the pools by KvCache::release().
class SequenceBlocks {
 public:
  tensor::SequenceKv view(int64_t n_positions) const;

 private:
  friend class KvCache;
  std::vector<BlockId> tables_[tensor::kMaxKvKinds];
  size_t first_kept_ = 0;  // blocks of the sliding kind before this one are gone
};

class KvCache {
 public:
  static Result<KvCache> create(const model::ModelConfig& config, const KvCacheOptions& options,
                                tensor::Backend& backend);

  const KvPlan& plan() const { return plan_; }
  std::span<const tensor::KvLayer> layers() const { return layers_; }

  // Makes room for positions [0, n_positions) of a sequence, those before the window of `first_needed`
  // excluded. False, and nothing changed, when a pool has too few free blocks.
  bool extend(SequenceBlocks& blocks, int64_t n_positions);
  // Gives back sliding-window blocks that no query at `next_position` or later can see.
  void pass_window(SequenceBlocks& blocks, int64_t next_position);
  // Gives back blocks of which no position is below n_positions: room for drafts that were wrong.
  void shrink(SequenceBlocks& blocks, int64_t n_positions);
  void release(SequenceBlocks& blocks);

  // Whether a sequence of n_positions could ever fit, and whether it fits now.
  bool fits_empty(int64_t n_positions) const;
  bool fits_now(int64_t n_positions) const;
  size_t used_bytes() const;

 private:
  int64_t blocks_needed(int kind, int64_t n_positions) const;

  KvPlan plan_;
  int64_t sliding_blocks_per_sequence_ = 0;
  int64_t sliding_window_ = 0;
  std::unique_ptr<tensor::DeviceMemory> memory_[tensor::kMaxKvKinds];
  std::vector<BlockPool> pools_;
  std::vector<tensor::KvLayer> layers_;
};

}  // namespace hearth::engine
