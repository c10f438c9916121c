#include "tensor/cpu/cpu_attention.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>

namespace hearth::tensor {
namespace {

using kernels::AttendState;
using kernels::kAttendBlock;
using kernels::kAttendSpan;
static_assert(kAttendBlock == kBlockTokens);

// A tile has about so many query rows: enough that packing keys and values for them costs little, few enough
// that their scores stay in the second level cache.
constexpr int64_t kTileQueryRows = 128;
constexpr int32_t kSpan = kAttendSpan;
constexpr size_t kSpanBlocks = kAttendSpan / kAttendBlock;
// Spans of one call of the kernel; bounds the list of blocks.
constexpr int32_t kCallSpans = 16;
// With fewer tasks than this for each thread, tasks are split by spans.
constexpr size_t kTasksPerThread = 4;
// Query rows for which that is possible, and partial results of query rows that are kept at once.
constexpr size_t kSplitRows = 4096;

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

void clear(const AttendState& state, size_t n_rows, size_t value_dim) {
  std::fill_n(state.m, n_rows, -std::numeric_limits<float>::infinity());
  std::fill_n(state.s, n_rows, 0.0f);
  std::fill_n(state.o, n_rows * value_dim, 0.0f);
}

}  // namespace

int32_t CpuAttention::Tile::first_span() const {
  return first_visible / kSpan;
}

int32_t CpuAttention::Tile::n_spans() const {
  return end_visible > first_visible ? (end_visible - 1) / kSpan - first_span() + 1 : 0;
}

Status CpuAttention::reserve(const BackendLimits& limits) {
  const int64_t rows = std::max(kTileQueryRows, limits.max_head_group);
  const auto n_rows = static_cast<size_t>(rows);
  scratch_.clear();
  scratch_.resize(static_cast<size_t>(pool_.n_threads()));
  for (ThreadScratch& scratch : scratch_) {
    HEARTH_CHECK_OK(scratch.q.reserve(rows * limits.max_head_dim));
    HEARTH_CHECK_OK(scratch.o.reserve(rows * limits.max_head_dim));
    HEARTH_CHECK_OK(scratch.m.reserve(rows));
    HEARTH_CHECK_OK(scratch.s.reserve(rows));
    HEARTH_TRY(scratch.kernel, AlignedBuffer::create(kernels::attend_scratch_bytes(
                                   n_rows, static_cast<size_t>(limits.max_head_dim))));
    scratch.first_visible.resize(n_rows);
    scratch.end_visible.resize(n_rows);
  }
  tiles_.reserve(static_cast<size_t>(limits.max_rows));
  if (pool_.n_threads() == 1) return {};
  wave_.reserve(kSplitRows);
  for (Partials* partials : {&partials_, &merged_}) {
    HEARTH_CHECK_OK(partials->o.reserve(static_cast<int64_t>(kSplitRows) * limits.max_head_dim));
    HEARTH_CHECK_OK(partials->m.reserve(kSplitRows));
    HEARTH_CHECK_OK(partials->s.reserve(kSplitRows));
  }
  return {};
}

size_t CpuAttention::scratch_bytes() const {
  size_t bytes = 0;
  for (const ThreadScratch& s : scratch_) {
    bytes += s.q.bytes() + s.o.bytes() + s.m.bytes() + s.s.bytes() + s.kernel.size();
  }
  for (const Partials* p : {&partials_, &merged_}) bytes += p->o.bytes() + p->m.bytes() + p->s.bytes();
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

void CpuAttention::make_tiles(const AttentionArgs& args) {
  const RowMap& rows = *args.rows;
  const int64_t max_rows = std::max<int64_t>(1, kTileQueryRows / (args.n_heads / args.kv->n_kv_heads));
  tiles_.clear();
  for (int64_t row = 0; row < rows.n_rows(); ++row) {
    const auto i = static_cast<size_t>(row);
    const int32_t sequence = rows.sequence[i];
    const VisibleRange range =
        visible_range(args, rows.position[i], rows.sequences[static_cast<size_t>(sequence)].n_positions);
    // The kernel wants no gap between what the rows of a tile see.
    if (!tiles_.empty() && tiles_.back().n_rows < max_rows && rows.sequence[i - 1] == sequence &&
        range.first <= tiles_.back().end_visible) {
      Tile& tile = tiles_.back();
      ++tile.n_rows;
      tile.end_visible = std::max(tile.end_visible, range.end);
    } else {
      tiles_.push_back({row, 1, range.first, range.end});
    }
  }
}

void CpuAttention::run(const AttentionArgs& args) {
  make_tiles(args);
  const size_t n_tasks = tiles_.size() * static_cast<size_t>(args.kv->n_kv_heads);
  const auto query_rows = static_cast<size_t>(args.rows->n_rows()) * static_cast<size_t>(args.n_heads);
  const bool few = pool_.n_threads() > 1 && n_tasks < scratch_.size() * kTasksPerThread;
  if (few && query_rows <= kSplitRows &&
      std::any_of(tiles_.begin(), tiles_.end(), [](const Tile& t) { return t.n_spans() > 1; })) {
    run_split(args);
  } else {
    run_whole(args);
  }
}

void CpuAttention::run_whole(const AttentionArgs& args) {
  // Later rows see more positions: the longest work first.
  const auto n_kv_heads = static_cast<size_t>(args.kv->n_kv_heads);
  const size_t n_tasks = tiles_.size() * n_kv_heads;
  std::atomic<size_t> next{0};
  pool_.run([&](int thread) {
    ThreadScratch& scratch = scratch_[static_cast<size_t>(thread)];
    const AttendState state = {scratch.m.data(), scratch.s.data(), scratch.o.data()};
    for (size_t task; (task = next.fetch_add(1, std::memory_order_relaxed)) < n_tasks;) {
      const Tile& tile = tiles_[tiles_.size() - 1 - task / n_kv_heads];
      const Work work = {&tile, static_cast<int>(task % n_kv_heads), tile.first_span(), tile.n_spans()};
      attend(args, work, state, scratch);
      finish(args, tile, work.kv_head, state);
    }
  });
}

// In waves of as many spans as there is memory for: each span by itself, then merged in rising order.
void CpuAttention::run_split(const AttentionArgs& args) {
  const auto group = static_cast<size_t>(args.n_heads / args.kv->n_kv_heads);
  const auto value_dim = static_cast<size_t>(args.kv->value_dim);
  const auto n_kv_heads = static_cast<size_t>(args.kv->n_kv_heads);
  const size_t n_pairs = tiles_.size() * n_kv_heads;
  const auto query_rows = [&](const Tile& tile) { return static_cast<size_t>(tile.n_rows) * group; };
  const auto merged = [&](size_t pair) {
    const Tile& tile = tiles_[pair / n_kv_heads];
    const size_t first = static_cast<size_t>(tile.first_row) * n_kv_heads * group;
    return merged_.rows(first + pair % n_kv_heads * query_rows(tile), value_dim);
  };
  clear(merged_.rows(0, value_dim), static_cast<size_t>(args.rows->n_rows()) * n_kv_heads * group, value_dim);
  size_t pair = 0;
  int32_t span = 0;
  while (pair < n_pairs) {
    wave_.clear();
    const size_t first_pair = pair;
    for (size_t row = 0; pair < n_pairs;) {
      const Tile& tile = tiles_[pair / n_kv_heads];
      if (span == tile.n_spans()) {
        ++pair;
        span = 0;
        continue;
      }
      if (row + query_rows(tile) > kSplitRows) break;
      const Work work = {&tile, static_cast<int>(pair % n_kv_heads), tile.first_span() + span, 1};
      wave_.push_back({pair, work, row});
      row += query_rows(tile);
      ++span;
    }
    std::atomic<size_t> next{0};
    pool_.run([&](int thread) {
      for (size_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < wave_.size();) {
        attend(args, wave_[i].work, partials_.rows(wave_[i].first_row, value_dim),
               scratch_[static_cast<size_t>(thread)]);
      }
    });
    const size_t end_pair = std::min(pair + 1, n_pairs);
    pool_.parallel_for(end_pair - first_pair, 1, [&](size_t begin, size_t end) {
      for (const SpanWork& part : wave_) {
        if (part.pair < first_pair + begin || part.pair >= first_pair + end) continue;
        kernels_.merge_attention(partials_.rows(part.first_row, value_dim), query_rows(*part.work.tile),
                                 value_dim, merged(part.pair));
      }
    });
  }
  pool_.parallel_for(n_pairs, 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      finish(args, tiles_[i / n_kv_heads], static_cast<int>(i % n_kv_heads), merged(i));
    }
  });
}

void CpuAttention::attend(const AttentionArgs& args, const Work& work, const AttendState& state,
                          ThreadScratch& scratch) const {
  const KvLayer& kv = *args.kv;
  const RowMap& rows = *args.rows;
  const Tile& tile = *work.tile;
  const auto first_row = static_cast<size_t>(tile.first_row), n_token_rows = static_cast<size_t>(tile.n_rows);
  const SequenceKv& sequence = rows.sequences[static_cast<size_t>(rows.sequence[first_row])];
  const auto group = static_cast<size_t>(args.n_heads / kv.n_kv_heads);
  const auto key_dim = static_cast<size_t>(kv.key_dim), value_dim = static_cast<size_t>(kv.value_dim);
  const size_t n_rows = n_token_rows * group;
  for (size_t r = 0; r < n_token_rows; ++r) {
    std::memcpy(scratch.q.data() + r * group * key_dim,
                args.q.row(tile.first_row + static_cast<int64_t>(r)) +
                    static_cast<size_t>(work.kv_head) * group * key_dim,
                group * key_dim * sizeof(float));
  }
  clear(state, n_rows, value_dim);

  const int32_t last_span = work.first_span + work.n_spans;
  for (int32_t span = work.first_span; span < last_span; span += kCallSpans) {
    const int32_t n_spans = std::min(last_span - span, kCallSpans);
    const int32_t begin = span * kSpan, end = begin + n_spans * kSpan;
    for (size_t r = 0; r < n_token_rows; ++r) {
      const VisibleRange range = visible_range(args, rows.position[first_row + r], sequence.n_positions);
      std::fill_n(&scratch.first_visible[r * group], group, std::clamp(range.first, begin, end) - begin);
      std::fill_n(&scratch.end_visible[r * group], group, std::clamp(range.end, begin, end) - begin);
    }
    kernels::AttendBlock blocks[kCallSpans * kSpanBlocks] = {};
    const auto first_block = static_cast<size_t>(begin) / kAttendBlock;
    const size_t n_blocks =
        std::min(static_cast<size_t>(n_spans) * kSpanBlocks, sequence.blocks[kv.kind].size() - first_block);
    for (size_t i = 0; i < n_blocks; ++i) {
      const BlockId block = sequence.blocks[kv.kind][first_block + i];
      if (block != kNoBlock) blocks[i] = {kv.keys(block, work.kv_head), kv.values(block, work.kv_head)};
    }
    kernels_.attend({.q = scratch.q.data(),
                     .q_stride = key_dim,
                     .n_rows = n_rows,
                     .head_dim = key_dim,
                     .value_dim = value_dim,
                     .dtype = kv.dtype,
                     .blocks = blocks,
                     .first_visible = scratch.first_visible.data(),
                     .end_visible = scratch.end_visible.data(),
                     .scale = args.scale,
                     .softcap = args.softcap,
                     .state = state,
                     .scratch = scratch.kernel.data()});
  }
}

void CpuAttention::finish(const AttentionArgs& args, const Tile& tile, int kv_head,
                          const AttendState& state) const {
  const auto group = static_cast<size_t>(args.n_heads / args.kv->n_kv_heads);
  const auto value_dim = static_cast<size_t>(args.kv->value_dim);
  for (size_t r = 0; r < static_cast<size_t>(tile.n_rows); ++r) {
    float* out = args.out.row(tile.first_row + static_cast<int64_t>(r)) +
                 static_cast<size_t>(kv_head) * group * value_dim;
    for (size_t g = 0; g < group; ++g) {
      const float inverse = 1.0f / state.s[r * group + g];
      const float* o = state.o + (r * group + g) * value_dim;
      for (size_t d = 0; d < value_dim; ++d) out[g * value_dim + d] = o[d] * inverse;
    }
  }
}

}  // namespace hearth::tensor
