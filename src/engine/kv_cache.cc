#include "engine/kv_cache.h"

#include <algorithm>
#include <cstring>
#include <limits>

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

// Ends of windows that are kept of a text as long as the context, when memory is divided between the kinds.
constexpr int64_t kKeptWindows = 4;

// Shorter texts are read again as fast as a disk is asked for them.
constexpr size_t kWorthStoringTokens = 256;

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
  // Texts of full length that can be kept beside the running ones.
  const int64_t full_blocks = blocks_for(options.context_length);
  const int64_t kept[] = {full_blocks, std::min(full_blocks, kKeptWindows * sliding_blocks(config, options))};
  double text_bytes = 0;
  for (int kind = 0; kind < tensor::kMaxKvKinds; ++kind) {
    text_bytes += static_cast<double>(plan.kinds[kind].block_bytes) * static_cast<double>(kept[kind]);
  }
  for (int kind = 0; kind < tensor::kMaxKvKinds && text_bytes > 0; ++kind) {
    if (plan.kinds[kind].n_layers == 0) continue;
    const double more =
        static_cast<double>(options.prefix_bytes) / text_bytes * static_cast<double>(kept[kind]);
    plan.kinds[kind].n_prefix_blocks = static_cast<int64_t>(std::min(more, 1e9));
    plan.kinds[kind].n_blocks += plan.kinds[kind].n_prefix_blocks;
  }
  for (const Kind& kind : plan.kinds) {
    if (kind.n_blocks > std::numeric_limits<BlockId>::max()) {
      return fail(ErrorCategory::kInvalidArgument, "a KV cache of {} blocks is too large", kind.n_blocks);
    }
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
  std::vector<BlockPool*> pools;
  for (int kind = 0; kind < tensor::kMaxKvKinds; ++kind) {
    pools.push_back(cache.has_layers(kind) ? &cache.pools_[static_cast<size_t>(kind)] : nullptr);
  }
  cache.stores_prefixes_ = options.stores_prefixes;
  const uint64_t format[] = {static_cast<uint64_t>(options.dtype), kBlockTokens,
                             cache.plan_.kinds[kFull].block_bytes, cache.plan_.kinds[kSliding].block_bytes};
  cache.prefixes_ = std::make_unique<PrefixTree>(
      std::move(pools), cache.sliding_window_, sha256({options.identity, std::as_bytes(std::span(format))}));
  return cache;
}

int64_t KvCache::blocks_needed(int kind, int64_t n_positions) const {
  if (!has_layers(kind)) return 0;
  const int64_t all = blocks_for(n_positions);
  return kind == kSliding ? std::min(all, sliding_blocks_per_sequence_) : all;
}

// The first sliding-window block that a query at next_position sees.
size_t KvCache::first_visible_block(int64_t next_position) const {
  if (sliding_window_ == 0) return 0;
  return static_cast<size_t>(std::max<int64_t>(next_position - sliding_window_ + 1, 0) / kBlockTokens);
}

bool KvCache::fits(const PrefixMatch& match, int64_t n_positions) const {
  for (int kind = 0; kind < tensor::kMaxKvKinds; ++kind) {
    const BlockPool& pool = pools_[static_cast<size_t>(kind)];
    int64_t needed = blocks_needed(kind, n_positions), available = pool.n_available();
    const size_t first = kind == kSliding ? first_visible_block(match.n_positions()) : 0;
    for (size_t i = first; i < match.n_whole && has_layers(kind); ++i) {
      --needed;
      if (!pool.in_use(match.known[i]->blocks[kind])) --available;
    }
    if (needed > available) return false;
  }
  return true;
}

int64_t KvCache::attach(SequenceBlocks& blocks, const std::string& scope, std::span<const int32_t> tokens) {
  prefixes_->tick();
  PrefixMatch match = prefixes_->match(scope, tokens);
  share(blocks, match);
  if (match.partial != nullptr && !copy_partial(blocks, match)) {
    release(blocks);
    match = prefixes_->match(scope, tokens, false);
    share(blocks, match);
  }
  blocks.node_ = match.n_whole > 0 ? match.known[match.n_whole - 1] : prefixes_->root(scope);
  prefixes_->pin(blocks.node_);
  blocks.n_shared_ = match.n_whole;
  blocks.branch_ = match.known.size() > match.n_whole ? match.known.size() : 0;
  return match.n_positions();
}

// Adds the whole blocks of a match to an empty sequence.
void KvCache::share(SequenceBlocks& blocks, const PrefixMatch& match) {
  const size_t first_visible = first_visible_block(match.n_positions());
  for (int kind = 0; kind < tensor::kMaxKvKinds; ++kind) {
    if (!has_layers(kind)) continue;
    for (size_t i = 0; i < match.n_whole; ++i) {
      const bool gone = kind == kSliding && i < first_visible;
      const BlockId block = gone ? tensor::kNoBlock : match.known[i]->blocks[kind];
      blocks.tables_[kind].push_back(block);
      if (gone) continue;
      pools_[static_cast<size_t>(kind)].retain(block);
      prefixes_->touch(match.known[i], kind);
    }
  }
  blocks.first_kept_ = has_layers(kSliding) ? std::min(first_visible, match.n_whole) : 0;
}

// Adds a copy of the block behind them. False, and that part of the tables undone, when there is no room.
bool KvCache::copy_partial(SequenceBlocks& blocks, const PrefixMatch& match) {
  for (int kind = 0; kind < tensor::kMaxKvKinds; ++kind) {
    if (!has_layers(kind)) continue;
    BlockPool& pool = pools_[static_cast<size_t>(kind)];
    const BlockId from = match.partial->blocks[kind];
    pool.retain(from);  // not to be evicted for its own copy
    const auto to = take(kind);
    pool.release(from);
    if (!to) return false;
    std::memcpy(content(kind, *to).data(), content(kind, from).data(), plan_.kinds[kind].block_bytes);
    blocks.tables_[kind].push_back(*to);
    prefixes_->touch(match.partial, kind);
  }
  return true;
}

void KvCache::publish(SequenceBlocks& blocks, std::span<const int32_t> tokens, bool end) {
  const size_t n_whole = tokens.size() / kBlockTokens;
  if (blocks.node_ == nullptr || (n_whole == blocks.n_shared_ && !end)) return;
  prefixes_->tick();
  for (; blocks.n_shared_ < n_whole; ++blocks.n_shared_) {
    PrefixNode* node = publish_block(blocks, blocks.n_shared_,
                                     tokens.subspan(blocks.n_shared_ * kBlockTokens, kBlockTokens));
    prefixes_->pin(node);
    prefixes_->unpin(blocks.node_);
    blocks.node_ = node;
    if (blocks.n_shared_ + 1 == blocks.branch_) {
      const auto position = static_cast<int64_t>(blocks.branch_ * kBlockTokens);
      keep_window(node, first_visible_block(position), blocks.branch_);
    }
  }
  if (stores_prefixes_ && tokens.size() >= kWorthStoringTokens) store(blocks.node_);
  if (!end) return;
  // The end of the last whole block too: others may have that block only.
  keep_window(blocks.node_, first_visible_block(static_cast<int64_t>(n_whole * kBlockTokens)), n_whole);
  PrefixNode* last = blocks.node_;
  size_t end_block = n_whole;
  if (const auto rest = tokens.subspan(n_whole * kBlockTokens); !rest.empty()) {
    if (PrefixNode* node = publish_block(blocks, n_whole, rest)) {
      last = node;
      ++end_block;
    }
  }
  keep_window(last, first_visible_block(static_cast<int64_t>(tokens.size())), end_block);
}

// Enters a block of a sequence; from then on it uses the one that was there first.
PrefixNode* KvCache::publish_block(SequenceBlocks& blocks, size_t index, std::span<const int32_t> tokens) {
  BlockId own[tensor::kMaxKvKinds];
  for (int kind = 0; kind < tensor::kMaxKvKinds; ++kind) {
    own[kind] = has_layers(kind) ? blocks.tables_[kind][index] : tensor::kNoBlock;
  }
  PrefixNode* node = prefixes_->insert(blocks.node_, tokens, own);
  if (node == nullptr) return nullptr;
  for (int kind = 0; kind < tensor::kMaxKvKinds; ++kind) {
    if (node->blocks[kind] == tensor::kNoBlock) continue;
    prefixes_->touch(node, kind);
    if (!node->whole() || own[kind] == tensor::kNoBlock || own[kind] == node->blocks[kind]) continue;
    pools_[static_cast<size_t>(kind)].retain(node->blocks[kind]);
    pools_[static_cast<size_t>(kind)].release(own[kind]);
    blocks.tables_[kind][index] = node->blocks[kind];
  }
  return node;
}

// Marks the blocks [first_block, end_block) of a text, `last` holding the last of them.
void KvCache::keep_window(PrefixNode* last, size_t first_block, size_t end_block) {
  if (sliding_window_ == 0) return;
  for (PrefixNode* node = last; end_block > first_block; node = node->parent, --end_block) {
    node->checkpoint = node->blocks[kSliding] != tensor::kNoBlock;
    if (node->to_be_stored && node->checkpoint && !node->stored[kSliding]) prefixes_->store(node);
  }
}

// Enters what leads to `last` for the disk, the beginning first.
void KvCache::store(PrefixNode* last) {
  std::vector<PrefixNode*> path;
  for (PrefixNode* node = last; node->parent != nullptr && !node->to_be_stored; node = node->parent) {
    path.push_back(node);
  }
  for (; !path.empty(); path.pop_back()) prefixes_->store(path.back());
}

std::span<std::byte> KvCache::content(int kind, BlockId block) {
  const size_t bytes = plan_.kinds[kind].block_bytes;
  return {memory_[kind]->data() + static_cast<size_t>(block) * bytes, bytes};
}

std::optional<BlockId> KvCache::take(int kind) {
  BlockPool& pool = pools_[static_cast<size_t>(kind)];
  if (pool.n_free() == 0 && !prefixes_->evict(kind)) return std::nullopt;
  return pool.acquire();
}

bool KvCache::extend(SequenceBlocks& blocks, int64_t n_positions) {
  const auto n_before = static_cast<int64_t>(
      std::max(blocks.tables_[kFull].size(), blocks.tables_[kSliding].size()) * kBlockTokens);
  for (int kind = 0; kind < tensor::kMaxKvKinds; ++kind) {
    if (!has_layers(kind)) continue;
    const auto n_blocks = static_cast<size_t>(blocks_for(n_positions));
    auto& table = blocks.tables_[kind];
    while (table.size() < n_blocks) {
      const auto block = take(kind);
      if (!block) {
        shrink(blocks, n_before);
        return false;
      }
      table.push_back(*block);
    }
  }
  return true;
}

void KvCache::pass_window(SequenceBlocks& blocks, int64_t next_position) {
  if (sliding_window_ == 0) return;
  auto& table = blocks.tables_[kSliding];
  const size_t keep_from = std::min(first_visible_block(next_position), table.size());
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
  prefixes_->tick();
  size_t index = blocks.n_shared_;
  for (PrefixNode* node = blocks.node_; index > 0; node = node->parent) {
    --index;
    if (has_layers(kFull)) prefixes_->touch(node, kFull);
    if (index >= blocks.first_kept_) prefixes_->touch(node, kSliding);
  }
  for (int kind = 0; kind < tensor::kMaxKvKinds; ++kind) {
    for (const BlockId block : blocks.tables_[kind]) {
      if (block != tensor::kNoBlock) pools_[static_cast<size_t>(kind)].release(block);
    }
  }
  if (blocks.node_ != nullptr) prefixes_->unpin(blocks.node_);
  blocks = {};
}

size_t KvCache::used_bytes() const {
  size_t bytes = 0;
  for (int kind = 0; kind < tensor::kMaxKvKinds; ++kind) {
    bytes +=
        static_cast<size_t>(pools_[static_cast<size_t>(kind)].n_in_use()) * plan_.kinds[kind].block_bytes;
  }
  return bytes;
}

KvCache::Usage KvCache::usage() const {
  Usage usage;
  for (const BlockPool& pool : pools_) {
    usage.n_blocks += pool.n_blocks();
    usage.n_in_use += pool.n_in_use();
    usage.n_idle += pool.n_available() - pool.n_free();
  }
  usage.n_evicted = prefixes_->n_evicted();
  return usage;
}

}  // namespace hearth::engine
