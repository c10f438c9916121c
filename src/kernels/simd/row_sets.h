// Which weight rows a vector holds, and their bytes asked for ahead of use: what the two kinds of quantised
// matmul (matmul_blocks.h, matmul_superblocks.h) have in common.
#pragma once

#include "kernels/kernels.h"
#include "kernels/simd/rows.h"
#include "kernels/simd/unroll.h"

namespace hearth::kernels::simd {

inline constexpr size_t kChunkGroups = 16;  // 512 columns: what is unpacked at a time
inline constexpr size_t kDecodeTokens = 8;  // up to so many tokens are served straight from registers

template <size_t kLanes>
struct RowSet {
  Rows<kLanes> rows;
  size_t first;  // output row of lane 0
  size_t n;      // lanes that count
};

// With at least kLanes rows the last set is moved back to overlap its neighbour (it computes the same values
// again). Fewer rows: what fills quads together, then one row at a time in all lanes.
template <size_t kLanes>
size_t n_row_sets(size_t n_out) {
  if (n_out >= kLanes) return (n_out + kLanes - 1) / kLanes;
  return (n_out >= 4 ? 1 : 0) + n_out % 4;
}

template <size_t kLanes>
RowSet<kLanes> row_set(const MatmulArgs& a, size_t index) {
  const auto* weight = static_cast<const uint8_t*>(a.weight);
  RowSet<kLanes> set;
  set.rows.stride = a.weight_row_bytes;
  if (a.n_out >= kLanes) {
    set.first = index * kLanes + kLanes <= a.n_out ? index * kLanes : a.n_out - kLanes;
    set.n = kLanes;
    for (size_t q = 0; q < kLanes / 4; q++) {
      set.rows.quad[q] = weight + (set.first + 4 * q) * a.weight_row_bytes;
    }
    return set;
  }
  const size_t quads = a.n_out / 4;
  if (quads > 0 && index == 0) {
    set.first = 0;
    set.n = 4 * quads;
    for (size_t q = 0; q < kLanes / 4; q++) {
      set.rows.quad[q] = weight + (q < quads ? 4 * q * a.weight_row_bytes : 0);
    }
    return set;
  }
  set.first = 4 * quads + index - (quads > 0 ? 1 : 0);
  set.n = 1;
  set.rows.stride = 0;
  for (size_t q = 0; q < kLanes / 4; q++) set.rows.quad[q] = weight + set.first * a.weight_row_bytes;
  return set;
}

// The chunk that will be read n_ahead chunks after the one at `offset`, in this set of rows or in a later
// one, n_rows_on rows further on. Hardware prefetchers lose track of this many rows. It is asked for row by
// row between other work, so that the misses of reading and those of prefetching never queue up behind each
// other; into the second cache, since the first cannot hold what is under way for all rows. kChunkBytes: of
// one row.
template <typename V, size_t kChunkBytes>
struct Ahead {
  const uint8_t* row;
  size_t stride, n_rows;

  HEARTH_INLINE Ahead(const MatmulArgs& a, const RowSet<V::kLanes>& set, size_t offset, size_t n_ahead,
                      size_t n_rows_on) {
    const size_t at = offset + n_ahead * kChunkBytes;
    const size_t first = set.first + at / a.weight_row_bytes * n_rows_on;
    row = static_cast<const uint8_t*>(a.weight) + first * a.weight_row_bytes + at % a.weight_row_bytes;
    stride = a.weight_row_bytes;
    n_rows = first < a.n_out ? a.n_out - first : 0;
  }
  HEARTH_INLINE void prefetch(size_t r) const {
    if (r >= V::kLanes || r >= n_rows) return;
    for (size_t byte = 0; byte < kChunkBytes; byte += 64) V::prefetch(row + r * stride + byte);
  }
};
// One token consumes a chunk in the time of a few cache misses.
inline constexpr size_t kDecodeAhead = 8;

template <typename V>
HEARTH_INLINE typename V::F load_lanes(const float* from, size_t n) {
  return n == V::kLanes ? V::load(from) : V::load_n(from, n);
}

template <typename V>
HEARTH_INLINE void store_lanes(float* to, size_t n, typename V::F x) {
  if (n == V::kLanes) {
    V::store(to, x);
  } else {
    V::store_n(to, n, x);
  }
}

// Kernel::decode<T> or Kernel::prefill<R> over all sets of rows.
template <typename V, typename Kernel, size_t T = 1>
void run_sets(const MatmulArgs& a) {
  if constexpr (T < kDecodeTokens) {
    if (a.n_tokens > T && a.n_tokens <= kDecodeTokens) return run_sets<V, Kernel, T + 1>(a);
  }
  const size_t n_sets = n_row_sets<V::kLanes>(a.n_out);
  size_t i = 0;
  if (a.n_tokens == 0) return;
  if (a.n_tokens <= kDecodeTokens) {
    for (; i < n_sets; i++) Kernel::template decode<T>(a, i);
    return;
  }
  for (; i + V::kPanel <= n_sets; i += V::kPanel) Kernel::template prefill<V::kPanel>(a, i);
  for (; i < n_sets; i++) Kernel::template prefill<1>(a, i);
}

// tile(Index<T>, first token) over tokens [token, n_tokens), at most T of them.
template <typename V, size_t T, typename Tile>
HEARTH_INLINE void tile_rest(size_t token, size_t n_tokens, const Tile& tile) {
  if constexpr (T > 0) {
    if (n_tokens - token == T) {
      tile(Index<T>{}, token);
    } else {
      tile_rest<V, T - 1>(token, n_tokens, tile);
    }
  }
}

// tile(Index<T>, first token) over all tokens, T = kTile and at the end what is left; between tiles the next
// chunk of all R sets of rows is asked for.
template <typename V, size_t kTile, size_t kChunkBytes, size_t R, typename Tile>
HEARTH_INLINE void for_tiles(const MatmulArgs& a, const RowSet<V::kLanes> (&sets)[R], size_t offset,
                             const Tile& tile) {
  const size_t n_tiles = (a.n_tokens + kTile - 1) / kTile;
  const size_t rows_per_tile = (R * V::kLanes + n_tiles - 1) / n_tiles;
  size_t row = 0;
  const auto prefetch = [&]() HEARTH_INLINE_LAMBDA {
    for (const size_t end = row + rows_per_tile; row < end && row < R * V::kLanes; row++) {
      const Ahead<V, kChunkBytes> next(a, sets[row / V::kLanes], offset, 1, R * V::kLanes);
      next.prefetch(row % V::kLanes);
    }
  };
  size_t token = 0;
  for (; token + kTile <= a.n_tokens; token += kTile) {
    prefetch();
    tile(Index<kTile>{}, token);
  }
  prefetch();
  tile_rest<V, kTile - 1>(token, a.n_tokens, tile);
}

}  // namespace hearth::kernels::simd
