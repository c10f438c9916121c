// The pages of a KV cache: equal blocks of one kind of layer, handed out and taken back in constant time.
// Paged attention, arXiv:2309.06180.
//
// A block is free, in use by one or more sequences, or idle: used by nobody, but kept because the prefix
// cache knows what is in it. Idle blocks are free memory that is not yet given up.
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

  int32_t n_blocks() const { return static_cast<int32_t>(users_.size()); }
  int32_t n_free() const { return static_cast<int32_t>(free_.size()); }
  int32_t n_in_use() const { return n_in_use_; }
  int32_t n_available() const { return n_blocks() - n_in_use_; }  // free or idle
  bool in_use(BlockId block) const { return users_[static_cast<size_t>(block)] > 0; }

  std::optional<BlockId> acquire();  // a free block, for one user; nullopt when there is none
  void retain(BlockId block);        // one user more, of a block that is in use or idle
  void release(BlockId block);       // one user less; free after the last one, unless it is kept

  void keep(BlockId block);    // of a block in use: it stays when its users go
  void forget(BlockId block);  // of a kept block: free now or after its last user

 private:
  std::vector<int32_t> users_;  // by block
  std::vector<bool> kept_;
  std::vector<BlockId> free_;
  int32_t n_in_use_ = 0;
};

}  // namespace hearth::engine
