#include "engine/block_pool.h"

namespace hearth::engine {

BlockPool::BlockPool(int32_t n_blocks)
    : users_(static_cast<size_t>(n_blocks)), kept_(static_cast<size_t>(n_blocks)) {
  free_.reserve(static_cast<size_t>(n_blocks));
  for (BlockId block = n_blocks - 1; block >= 0; --block) free_.push_back(block);  // low ids first
}

std::optional<BlockId> BlockPool::acquire() {
  if (free_.empty()) return std::nullopt;
  const BlockId block = free_.back();
  free_.pop_back();
  retain(block);
  return block;
}

void BlockPool::retain(BlockId block) {
  if (users_[static_cast<size_t>(block)]++ == 0) ++n_in_use_;
}

void BlockPool::release(BlockId block) {
  if (--users_[static_cast<size_t>(block)] > 0) return;
  --n_in_use_;
  if (!kept_[static_cast<size_t>(block)]) free_.push_back(block);
}

void BlockPool::keep(BlockId block) {
  kept_[static_cast<size_t>(block)] = true;
}

void BlockPool::forget(BlockId block) {
  kept_[static_cast<size_t>(block)] = false;
  if (!in_use(block)) free_.push_back(block);
}

}  // namespace hearth::engine
