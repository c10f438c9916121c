// Where keys and values of a layer lie: a pool of equal blocks, each holding a fixed number of consecutive
// positions of one sequence for every layer of a kind (full attention, sliding window). Paged attention,
// arXiv:2309.06180.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/dtype.h"

namespace hearth::tensor {

using BlockId = int32_t;
inline constexpr BlockId kNoBlock = -1;
inline constexpr int kBlockTokens = 64;  // positions in a block

// One layer's part of every block of its pool: keys [n_kv_heads, kBlockTokens, key_dim] at keys_offset,
// values [n_kv_heads, kBlockTokens, value_dim] at values_offset.
struct KvLayer {
  std::byte* pool = nullptr;
  size_t block_bytes = 0;
  size_t keys_offset = 0;
  size_t values_offset = 0;
  kernels::DType dtype = kernels::DType::kF16;
  int n_kv_heads = 0;
  int key_dim = 0;
  int value_dim = 0;
  int kind = 0;  // which of a sequence's block tables

  std::byte* keys(BlockId block, int head) const {
    return pool + static_cast<size_t>(block) * block_bytes + keys_offset +
           static_cast<size_t>(head) * kBlockTokens * kernels::row_bytes(dtype, static_cast<size_t>(key_dim));
  }
  std::byte* values(BlockId block, int head) const {
    return pool + static_cast<size_t>(block) * block_bytes + values_offset +
           static_cast<size_t>(head) * kBlockTokens *
               kernels::row_bytes(dtype, static_cast<size_t>(value_dim));
  }
};

inline constexpr int kMaxKvKinds = 2;

// The block tables of one sequence: entry i holds positions [i*kBlockTokens, (i+1)*kBlockTokens), or kNoBlock
// when the window has passed it.
struct SequenceKv {
  std::span<const BlockId> blocks[kMaxKvKinds];
  int32_t n_positions = 0;  // stored ones, those of the running batch included
};

// Which token each row of an activation tensor belongs to. Rows of a sequence are adjacent and rise in
// position.
struct RowMap {
  std::span<const int32_t> sequence;  // index into sequences
  std::span<const int32_t> position;
  std::span<const SequenceKv> sequences;

  int64_t n_rows() const { return static_cast<int64_t>(sequence.size()); }
};

}  // namespace hearth::tensor
