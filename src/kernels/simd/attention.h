// Attention of query rows over one run of stored positions: scores, online softmax, weighted sum of values.
//
// Rows go in tiles that share every load of a key or value. Whatever the tile, the score of a (row, position)
// is one vector accumulator over the head summed across lanes, and an output adds its positions in rising
// order, so a row's result does not depend on the rows it was computed with.
#pragma once

#include "kernels/simd/elementwise.h"
#include "kernels/simd/matmul_float.h"

namespace hearth::kernels::simd {

// kLanes elements from element i of a stored row; load_n: the n that are left, zeros after.
template <typename V, typename Weight>
struct StoredFloats {
  static HEARTH_INLINE typename V::F load(const uint8_t* row, size_t i) {
    return Weight::load(row + i * Weight::kBytes);
  }
  static HEARTH_INLINE typename V::F load_n(const uint8_t* row, size_t i, size_t n) {
    return load_first<V, Weight>(row + i * Weight::kBytes, n);
  }
};

// Rows are multiples of 32, so there is never a remainder.
template <typename V>
struct StoredQ8_0 {
  static HEARTH_INLINE typename V::F load(const uint8_t* row, size_t i) {
    const uint8_t* block = row + i / 32 * sizeof(BlockQ8_0);
    return V::mul(V::load_s8(block + 2 + i % 32), V::set1(V::half(block)));
  }
  static HEARTH_INLINE typename V::F load_n(const uint8_t* row, size_t i, size_t) { return load(row, i); }
};

template <typename V, typename Stored>
struct Attention {
  using F = typename V::F;
  static constexpr size_t kLanes = V::kLanes;
  static constexpr size_t kPositions = 4;  // scores computed side by side
  static constexpr size_t kVectors = 4;    // output vectors held in registers

  struct Range {
    size_t begin, end;
  };

  static void run(const AttendArgs& a) {
    size_t r = 0;
    for (; r + V::kAttendRows <= a.n_rows; r += V::kAttendRows) rows<V::kAttendRows>(a, r);
    for (; r < a.n_rows; r++) rows<1>(a, r);
  }

 private:
  static Range visible(const AttendArgs& a, size_t row) {
    const int32_t first = a.first_visible[row] > 0 ? a.first_visible[row] : 0;
    const int32_t limit = static_cast<int32_t>(a.n_positions);
    const int32_t end = a.end_visible[row] < limit ? a.end_visible[row] : limit;
    if (first >= end) return {0, 0};
    return {static_cast<size_t>(first), static_cast<size_t>(end)};
  }

  template <size_t R>
  static void rows(const AttendArgs& a, size_t row) {
    Range seen[R];
    Range all = {a.n_positions, 0};
    size_t last_begin = 0, first_end = a.n_positions;
    for (size_t r = 0; r < R; r++) {
      seen[r] = visible(a, row + r);
      if (seen[r].begin == seen[r].end) continue;
      all.begin = seen[r].begin < all.begin ? seen[r].begin : all.begin;
      all.end = seen[r].end > all.end ? seen[r].end : all.end;
      last_begin = seen[r].begin > last_begin ? seen[r].begin : last_begin;
      first_end = seen[r].end < first_end ? seen[r].end : first_end;
    }
    if (all.begin >= all.end) return;
    if constexpr (R > 1) {
      // Ranges that do not all overlap may leave positions that nobody sees, whose memory may hold anything.
      if (last_begin >= first_end) {
        for (size_t r = 0; r < R; r++) rows<1>(a, row + r);
        return;
      }
    }
    float scores[R][kMaxAttendPositions];
    float rescale[R];
    score_positions<R>(a, row, all, scores);
    for (size_t r = 0; r < R; r++) rescale[r] = weigh(a, row + r, seen[r], all, scores[r]);
    add_values<R>(a, row, all, scores, rescale);
  }

  template <size_t R>
  static void score_positions(const AttendArgs& a, size_t row, Range all,
                              float (&scores)[R][kMaxAttendPositions]) {
    size_t p = all.begin;
    for (; p + kPositions <= all.end; p += kPositions) score<R, kPositions>(a, row, p, scores);
    for (; p < all.end; p++) score<R, 1>(a, row, p, scores);
  }

  template <size_t R, size_t P>
  static HEARTH_INLINE void score(const AttendArgs& a, size_t row, size_t position,
                                  float (&scores)[R][kMaxAttendPositions]) {
    const size_t bytes = row_bytes(a.dtype, a.head_dim);
    const uint8_t* keys = static_cast<const uint8_t*>(a.keys) + position * bytes;
    const float* q = a.q + row * a.q_stride;
    F acc[R][P];
    for (size_t r = 0; r < R; r++) {
      for (size_t p = 0; p < P; p++) acc[r][p] = V::zero();
    }
    size_t i = 0;
    for (; i + kLanes <= a.head_dim; i += kLanes) {
      F k[P];
      for (size_t p = 0; p < P; p++) k[p] = Stored::load(keys + p * bytes, i);
      for (size_t r = 0; r < R; r++) {
        const F qr = V::load(q + r * a.q_stride + i);
        for (size_t p = 0; p < P; p++) acc[r][p] = V::fma(qr, k[p], acc[r][p]);
      }
    }
    if (i < a.head_dim) {
      const size_t n = a.head_dim - i;
      for (size_t p = 0; p < P; p++) {
        const F k = Stored::load_n(keys + p * bytes, i, n);
        for (size_t r = 0; r < R; r++) acc[r][p] = V::fma(V::load_n(q + r * a.q_stride + i, n), k, acc[r][p]);
      }
    }
    for (size_t r = 0; r < R; r++) {
      for (size_t p = 0; p < P; p++) scores[r][position + p] = V::reduce_add(acc[r][p]) * a.scale;
    }
  }

  // Turns a row's scores into weights relative to its new maximum (zero where it sees nothing), updates m and
  // s, and returns the factor that its earlier output takes.
  static float weigh(const AttendArgs& a, size_t row, Range seen, Range all, float* scores) {
    for (size_t p = all.begin; p < seen.begin && p < all.end; p++) scores[p] = 0;
    for (size_t p = seen.end > all.begin ? seen.end : all.begin; p < all.end; p++) scores[p] = 0;
    const size_t n = seen.end - seen.begin;
    if (n == 0) return 1.0f;
    float* own = scores + seen.begin;
    if (a.softcap > 0) Elementwise<V>::softcap(own, a.softcap, n);
    const float max = Elementwise<V>::max_of(own, n);
    const float new_max = a.m[row] > max ? a.m[row] : max;
    float rescale[kLanes];
    V::store(rescale, exp<V>(V::set1(a.m[row] - new_max)));
    const F shift = V::set1(new_max);
    const double total = sum<V>(n, [&](size_t i, size_t k) HEARTH_INLINE_LAMBDA {
      store_up_to<V>(own + i, k, exp<V>(V::sub(load_up_to<V>(own + i, k), shift)));
      return load_up_to<V>(own + i, k);
    });
    a.m[row] = new_max;
    a.s[row] = static_cast<float>(static_cast<double>(a.s[row]) * static_cast<double>(rescale[0]) + total);
    return rescale[0];
  }

  template <size_t R>
  static void add_values(const AttendArgs& a, size_t row, Range all,
                         const float (&weights)[R][kMaxAttendPositions], const float (&rescale)[R]) {
    size_t i = 0;
    for (; i + kVectors * kLanes <= a.value_dim; i += kVectors * kLanes) {
      add_columns<R, kVectors>(a, row, all, weights, rescale, i, kLanes);
    }
    for (; i < a.value_dim; i += kLanes) {
      const size_t n = a.value_dim - i < kLanes ? a.value_dim - i : kLanes;
      add_columns<R, 1>(a, row, all, weights, rescale, i, n);
    }
  }

  // Columns [i, i + D·kLanes) of the output, the last vector n wide.
  template <size_t R, size_t D>
  static HEARTH_INLINE void add_columns(const AttendArgs& a, size_t row, Range all,
                                        const float (&weights)[R][kMaxAttendPositions],
                                        const float (&rescale)[R], size_t i, size_t n) {
    const size_t bytes = row_bytes(a.dtype, a.value_dim);
    const uint8_t* values = static_cast<const uint8_t*>(a.values);
    float* o = a.o + row * a.value_dim + i;
    F acc[R][D];
    for (size_t r = 0; r < R; r++) {
      for (size_t d = 0; d < D; d++) {
        acc[r][d] = V::mul(load_up_to<V>(o + r * a.value_dim + d * kLanes, n), V::set1(rescale[r]));
      }
    }
    for (size_t p = all.begin; p < all.end; p++) {
      F v[D];
      for (size_t d = 0; d < D; d++) {
        v[d] = n == kLanes ? Stored::load(values + p * bytes, i + d * kLanes)
                           : Stored::load_n(values + p * bytes, i + d * kLanes, n);
      }
      for (size_t r = 0; r < R; r++) {
        const F w = V::set1(weights[r][p]);
        for (size_t d = 0; d < D; d++) acc[r][d] = V::fma(w, v[d], acc[r][d]);
      }
    }
    for (size_t r = 0; r < R; r++) {
      for (size_t d = 0; d < D; d++) store_up_to<V>(o + r * a.value_dim + d * kLanes, n, acc[r][d]);
    }
  }
};

template <typename V>
void attend(const AttendArgs& a) {
  switch (a.dtype) {
    case DType::kF32:
      return Attention<V, StoredFloats<V, WeightF32<V>>>::run(a);
    case DType::kF16:
      return Attention<V, StoredFloats<V, WeightF16<V>>>::run(a);
    default:  // the only other format a cache stores
      return Attention<V, StoredQ8_0<V>>::run(a);
  }
}

}  // namespace hearth::kernels::simd
