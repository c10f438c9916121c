#include "engine/kv_cache.h"

#include <algorithm>

#include "base/checked.h"

namespace hearth::engine {
namespace {

using model::AttentionKind;
using tensor::kBlockTokens;

constexpr int kFull = static_cast<int>(AttentionKind::kFull);
constexpr int kSliding = static_cast<int>(AttentionKind::kSliding);

// Bytes of the keys (or, equally, of the values) of one layer in one block.
size_t side_bytes(const model::LayerConfig& layer, kernels::DType dtype) {
  return static_cast<size_t>(layer.n_kv_heads) * kBlockTokens *
         kernels::row_bytes(dtype, static_cast<size_t>(layer.head_dim));
}

int64_t blocks_for(int64_t n_positions) {
  return static_cast<int64_t>(ceil_div(static_cast<uint64_t>(n_positions), kBlockTokens));
}

// Blocks that a sliding-window layer holds at most: the window, the rows of one step, and the two blocks that
// are only partly inside.
int64_t sliding_blocks(const model::ModelConfig& config, const KvCacheOptions& options) {
  if (!config.causal) return blocks_for(options.context_length);
  return std::min(blocks_for(options.context_length),
                  blocks_for(config.sliding_window + options.max_batch_rows) + 1);
}

}  // namespace

Result<KvPlan> KvPlan::create(const model::ModelConfig& config, const KvCacheOptions& options) {
  KvPlan plan;
  const uint32_t unit = kernels::traits_of(options.dtype).block_size;
  for (size_t i = 0; i < config.layers.size(); ++i) {
    const model::LayerConfig& layer = config.layers[i];
    if (layer.kv_layer != static_cast<int64_t>(i)) continue;
    if (layer.head_dim % unit != 0) {
      return fail(ErrorCategory::kUnsupported,
                  "a {} KV cache needs heads that are a multiple of {} wide; layer {} has {}",
                  kernels::traits_of(options.dtype).name, unit, i, layer.head_dim);
    }
    Kind& kind = plan.kinds[static_cast<int>(layer.kind)];
    ++kind.n_layers;
    kind.block_bytes += 2 * side_bytes(layer, options.dtype);
  }
  if (plan.kinds[kFull].n_layers > 0)
    plan.kinds[kFull].n_blocks = options.n_contexts * blocks_for(options.context_length);
  if (plan.kinds[kSliding].n_layers > 0) {
    plan.kinds[kSliding].n_blocks = options.n_contexts * sliding_blocks(config, options);
  }
  return plan;
}

tensor::SequenceKv SequenceBlocks::view(int64_t n_positions) const {
  tensor::SequenceKv kv;
  for (int kind = 0; kind < tensor::kMaxKvKinds; ++kind) kv.blocks[kind] = tables_[kind];
  kv.n_positions = static_cast<int32_t>(n_positions);
  return kv;
}

Result<KvCache> KvCache::create(const model::ModelConfig& config, const KvCacheOptions& options,
                                tensor::Backend& backend) {
  KvCache cache;
  HEARTH_TRY(cache.plan_, KvPlan::create(config, options));
  cache.sliding_window_ = config.causal ? config.sliding_window : 0;
  cache.sliding_blocks_per_sequence_ = sliding_blocks(config, options);
  for (int kind = 0; kind < tensor::kMaxKvKinds; ++kind) {
    const KvPlan::Kind& plan = cache.plan_.kinds[kind];
    HEARTH_TRY(cache.memory_[kind], backend.allocate(plan.bytes()));
    cache.pools_.emplace_back(static_cast<int32_t>(plan.n_blocks));
  }
  size_t offsets[tensor::kMaxKvKinds] = {};
  for (size_t i = 0; i < config.layers.size(); ++i) {
    const model::LayerConfig& layer = config.layers[i];
    if (layer.kv_layer != static_cast<int64_t>(i)) {
      cache.layers_.push_back(cache.layers_[static_cast<size_t>(layer.kv_layer)]);
      continue;
    }
    const int kind = static_cast<int>(layer.kind);
    const size_t bytes = side_bytes(layer, options.dtype);
    cache.layers_.push_back({.pool = cache.memory_[kind]->data(),
                             .block_bytes = cache.plan_.kinds[kind].block_bytes,
                             .keys_offset = offsets[kind],
                             .values_offset = offsets[kind] + bytes,
                             .dtype = options.dtype,
                             .n_kv_heads = static_cast<int>(layer.n_kv_heads),
                             .key_dim = static_cast<int>(layer.head_dim),
                             .value_dim = static_cast<int>(layer.head_dim),
                             .kind = kind});
    offsets[kind] += 2 * bytes;
  }
  return cache;
}

int64_t KvCache::blocks_needed(int kind, int64_t n_positions) const {
  if (plan_.kinds[kind].n_layers == 0) return 0;
  const int64_t all = blocks_for(n_positions);
  return kind == kSliding ? std::min(all, sliding_blocks_per_sequence_) : all;
}

bool KvCache::fits_empty(int64_t n_positions) const {
  return blocks_needed(kFull, n_positions) <= plan_.kinds[kFull].n_blocks &&
         blocks_needed(kSliding, n_positions) <= plan_.kinds[kSliding].n_blocks;
}

bool KvCache::fits_now(int64_t n_positions) const {
  return blocks_needed(kFull, n_positions) <= pools_[kFull].n_free() &&
         blocks_needed(kSliding, n_positions) <= pools_[kSliding].n_free();
}

bool KvCache::extend(SequenceBlocks& blocks, int64_t n_positions) {
  int64_t missing[tensor::kMaxKvKinds] = {};
  for (int kind = 0; kind < tensor::kMaxKvKinds; ++kind) {
    if (plan_.kinds[kind].n_layers == 0) continue;
    missing[kind] = blocks_for(n_positions) - static_cast<int64_t>(blocks.tables_[kind].size());
    if (missing[kind] > pools_[static_cast<size_t>(kind)].n_free()) return false;
  }
  for (int kind = 0; kind < tensor::kMaxKvKinds; ++kind) {
    for (int64_t i = 0; i < missing[kind]; ++i) {
      blocks.tables_[kind].push_back(*pools_[static_cast<size_t>(kind)].acquire());
    }
  }
  return true;
}

void KvCache::pass_window(SequenceBlocks& blocks, int64_t next_position) {
  if (sliding_window_ == 0) return;
  auto& table = blocks.tables_[kSliding];
  const int64_t first_visible = std::max<int64_t>(next_position - sliding_window_ + 1, 0);
  const auto keep_from = std::min(static_cast<size_t>(first_visible / kBlockTokens), table.size());
  for (; blocks.first_kept_ < keep_from; ++blocks.first_kept_) {
    pools_[kSliding].release(table[blocks.first_kept_]);
    table[blocks.first_kept_] = tensor::kNoBlock;
  }
}

void KvCache::shrink(SequenceBlocks& blocks, int64_t n_positions) {
  const auto n_kept = static_cast<size_t>(blocks_for(n_positions));
  for (int kind = 0; kind < tensor::kMaxKvKinds; ++kind) {
    auto& table = blocks.tables_[kind];
    for (; table.size() > n_kept; table.pop_back()) pools_[static_cast<size_t>(kind)].release(table.back());
  }
}

void KvCache::release(SequenceBlocks& blocks) {
  for (int kind = 0; kind < tensor::kMaxKvKinds; ++kind) {
    for (const BlockId block : blocks.tables_[kind]) {
      if (block != tensor::kNoBlock) pools_[static_cast<size_t>(kind)].release(block);
    }
    blocks.tables_[kind].clear();
  }
  blocks.first_kept_ = 0;
}

size_t KvCache::used_bytes() const {
  size_t bytes = 0;
  for (int kind = 0; kind < tensor::kMaxKvKinds; ++kind) {
    const BlockPool& pool = pools_[static_cast<size_t>(kind)];
    bytes += static_cast<size_t>(pool.n_blocks() - pool.n_free()) * plan_.kinds[kind].block_bytes;
  }
  return bytes;
}

}  // namespace hearth::engine
