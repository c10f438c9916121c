#include "engine/block_pool.h"

namespace hearth::engine {

BlockPool::BlockPool(int32_t n_blocks) : n_blocks_(n_blocks) {
  free_.reserve(static_cast<size_t>(n_blocks));
  for (BlockId block = n_blocks - 1; block >= 0; --block) free_.push_back(block);  // low ids first
}

std::optional<BlockId> BlockPool::acquire() {
  if (free_.empty()) return std::nullopt;
  const BlockId block = free_.back();
  free_.pop_back();
  return block;
}

void BlockPool::release(BlockId block) {
  free_.push_back(block);
}

}  // namespace hearth::engine
