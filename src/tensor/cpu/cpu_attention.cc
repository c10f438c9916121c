#include "tensor/cpu/cpu_attention.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>

namespace hearth::tensor {
namespace {

constexpr int64_t kTileRows = 16;  // token rows of a tile; times the head group, these are its query rows

// Positions [first, end) that a query at `position` sees.
struct VisibleRange {
  int32_t first;
  int32_t end;
};

VisibleRange visible_range(const AttentionArgs& args, int32_t position, int32_t n_positions) {
  if (args.causal) {
    const int32_t first = args.window > 0 ? std::max(0, position - args.window + 1) : 0;
    return {first, std::min(position + 1, n_positions)};
  }
  if (args.window == 0) return {0, n_positions};
  const int32_t half = args.window / 2;
  return {std::max(0, position - half), std::min(n_positions, position + half + 1)};
}

}  // namespace

Status CpuAttention::reserve(const BackendLimits& limits) {
  const int64_t rows = kTileRows * limits.max_head_group;
  scratch_.clear();
  scratch_.resize(static_cast<size_t>(pool_.n_threads()));
  for (ThreadScratch& scratch : scratch_) {
    HEARTH_CHECK_OK(scratch.q.reserve(rows * limits.max_head_dim));
    HEARTH_CHECK_OK(scratch.o.reserve(rows * limits.max_head_dim));
    HEARTH_CHECK_OK(scratch.m.reserve(rows));
    HEARTH_CHECK_OK(scratch.s.reserve(rows));
    for (auto* list :
         {&scratch.first_visible, &scratch.end_visible, &scratch.first_in_block, &scratch.end_in_block}) {
      list->resize(static_cast<size_t>(rows));
    }
  }
  tiles_.reserve(static_cast<size_t>(limits.max_rows));
  return {};
}

size_t CpuAttention::scratch_bytes() const {
  size_t bytes = 0;
  for (const ThreadScratch& s : scratch_) bytes += s.q.bytes() + s.o.bytes() + s.m.bytes() + s.s.bytes();
  return bytes;
}

void CpuAttention::store(TensorView k, TensorView v, const KvLayer& kv, const RowMap& rows) {
  const auto key_dim = static_cast<size_t>(kv.key_dim), value_dim = static_cast<size_t>(kv.value_dim);
  const size_t key_bytes = kernels::row_bytes(kv.dtype, key_dim);
  const size_t value_bytes = kernels::row_bytes(kv.dtype, value_dim);
  pool_.parallel_for(static_cast<size_t>(k.n_rows), 16, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const auto position = static_cast<size_t>(rows.position[i]);
      const SequenceKv& sequence = rows.sequences[static_cast<size_t>(rows.sequence[i])];
      const BlockId block = sequence.blocks[kv.kind][position / kBlockTokens];
      const size_t slot = position % kBlockTokens;
      for (int head = 0; head < kv.n_kv_heads; ++head) {
        const auto h = static_cast<size_t>(head);
        kernels_.store_row(k.row(static_cast<int64_t>(i)) + h * key_dim, key_dim, kv.dtype,
                           kv.keys(block, head) + slot * key_bytes);
        kernels_.store_row(v.row(static_cast<int64_t>(i)) + h * value_dim, value_dim, kv.dtype,
                           kv.values(block, head) + slot * value_bytes);
      }
    }
  });
}

void CpuAttention::run(const AttentionArgs& args) {
  const RowMap& rows = *args.rows;
  tiles_.clear();
  for (int64_t row = 0; row < rows.n_rows();) {
    int64_t end = row + 1;
    while (end < rows.n_rows() && end - row < kTileRows &&
           rows.sequence[static_cast<size_t>(end)] == rows.sequence[static_cast<size_t>(row)]) {
      ++end;
    }
    tiles_.push_back({row, end - row});
    row = end;
  }
  // Later rows see more positions: the longest work first.
  const auto n_kv_heads = static_cast<size_t>(args.kv->n_kv_heads);
  const size_t n_tasks = tiles_.size() * n_kv_heads;
  std::atomic<size_t> next{0};
  pool_.run([&](int thread) {
    for (size_t task; (task = next.fetch_add(1, std::memory_order_relaxed)) < n_tasks;) {
      const Tile& tile = tiles_[tiles_.size() - 1 - task / n_kv_heads];
      attend_tile(args, tile, static_cast<int>(task % n_kv_heads), scratch_[static_cast<size_t>(thread)]);
    }
  });
}

void CpuAttention::attend_tile(const AttentionArgs& args, const Tile& tile, int kv_head,
                               ThreadScratch& scratch) {
  const KvLayer& kv = *args.kv;
  const RowMap& rows = *args.rows;
  const auto first_row = static_cast<size_t>(tile.first_row);
  const SequenceKv& sequence = rows.sequences[static_cast<size_t>(rows.sequence[first_row])];
  const auto group = static_cast<size_t>(args.n_heads / kv.n_kv_heads);
  const auto key_dim = static_cast<size_t>(kv.key_dim), value_dim = static_cast<size_t>(kv.value_dim);
  const size_t n_rows = static_cast<size_t>(tile.n_rows) * group;

  // Stack the group's query heads: row r of the tile, head g of the group -> query row r*group + g.
  int32_t first = std::numeric_limits<int32_t>::max(), end = 0;
  for (size_t r = 0; r < static_cast<size_t>(tile.n_rows); ++r) {
    const VisibleRange range = visible_range(args, rows.position[first_row + r], sequence.n_positions);
    first = std::min(first, range.first);
    end = std::max(end, range.end);
    std::memcpy(
        scratch.q.data() + r * group * key_dim,
        args.q.row(tile.first_row + static_cast<int64_t>(r)) + static_cast<size_t>(kv_head) * group * key_dim,
        group * key_dim * sizeof(float));
    for (size_t g = 0; g < group; ++g) {
      scratch.first_visible[r * group + g] = range.first;
      scratch.end_visible[r * group + g] = range.end;
    }
  }
  std::fill_n(scratch.m.data(), n_rows, -std::numeric_limits<float>::infinity());
  std::fill_n(scratch.s.data(), n_rows, 0.0f);
  std::fill_n(scratch.o.data(), n_rows * value_dim, 0.0f);

  for (int32_t block_first = first / kBlockTokens * kBlockTokens; block_first < end;
       block_first += kBlockTokens) {
    const BlockId block = sequence.blocks[kv.kind][static_cast<size_t>(block_first / kBlockTokens)];
    const int32_t n_positions = std::min(kBlockTokens, end - block_first);
    for (size_t r = 0; r < n_rows; ++r) {
      scratch.first_in_block[r] = std::clamp(scratch.first_visible[r] - block_first, 0, n_positions);
      scratch.end_in_block[r] = std::clamp(scratch.end_visible[r] - block_first, 0, n_positions);
    }
    kernels_.attend({.q = scratch.q.data(),
                     .q_stride = key_dim,
                     .n_rows = n_rows,
                     .head_dim = key_dim,
                     .value_dim = value_dim,
                     .keys = kv.keys(block, kv_head),
                     .values = kv.values(block, kv_head),
                     .dtype = kv.dtype,
                     .n_positions = static_cast<size_t>(n_positions),
                     .first_visible = scratch.first_in_block.data(),
                     .end_visible = scratch.end_in_block.data(),
                     .scale = args.scale,
                     .softcap = args.softcap,
                     .m = scratch.m.data(),
                     .s = scratch.s.data(),
                     .o = scratch.o.data()});
  }

  for (size_t r = 0; r < static_cast<size_t>(tile.n_rows); ++r) {
    float* out = args.out.row(tile.first_row + static_cast<int64_t>(r)) +
                 static_cast<size_t>(kv_head) * group * value_dim;
    for (size_t g = 0; g < group; ++g) {
      const float inverse = 1.0f / scratch.s.data()[r * group + g];
      const float* o = scratch.o.data() + (r * group + g) * value_dim;
      for (size_t d = 0; d < value_dim; ++d) out[g * value_dim + d] = o[d] * inverse;
    }
  }
}

}  // namespace hearth::tensor
