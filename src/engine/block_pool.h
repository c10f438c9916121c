// The pages of a KV cache: equal blocks of one kind of layer, handed out and taken back in constant time.
// Paged attention, arXiv:2309.06180.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tensor/kv_view.h"

namespace hearth::engine {

using tensor::BlockId;

class BlockPool {
 public:
  explicit BlockPool(int32_t n_blocks);

  int32_t n_blocks() const { return n_blocks_; }
  int32_t n_free() const { return static_cast<int32_t>(free_.size()); }

  std::optional<BlockId> acquire();  // nullopt when all are taken
  void release(BlockId block);       // of a block that was acquired

 private:
  int32_t n_blocks_;
  std::vector<BlockId> free_;
};

}  // namespace hearth::engine
