// Attention of query rows over a run of stored positions: scores, online softmax, weighted sum of values.
//
// Span by span. A strip of keys is packed with a position to a lane, so that scores need no sums across
// lanes, and serves all rows before the next strip is; likewise a strip of columns of the values, with a
// column to a lane. Packing costs about as much as multiplying by ten rows, so few rows come close to the
// speed of memory and many to that of the multipliers.
//
// Whatever the rows it is computed with, a row's score adds the head's dimensions in rising order, its sum
// adds vectors at fixed places of the span, and its output adds the span's positions in rising order, from
// zero. So a row's result does not depend on the others.
#pragma once

#include "kernels/simd/attention_keys.h"
#include "kernels/simd/attention_values.h"

namespace hearth::kernels::simd {

// What an online softmax and another part take when they merge.
struct MergeFactors {
  float keep = 1, add = 0;
};

template <typename V>
HEARTH_INLINE MergeFactors merge_softmax(float part_m, float part_s, float& m, float& s) {
  const float max = m > part_m ? m : part_m;
  float keep[V::kLanes], add[V::kLanes];
  V::store(keep, exp<V>(V::set1(m - max)));  // 0 the first time: m is -inf
  V::store(add, exp<V>(V::set1(part_m - max)));
  m = max;
  s = s * keep[0] + part_s * add[0];
  return {keep[0], add[0]};
}

template <typename V>
void merge_attention(const AttendState& part, size_t n_rows, size_t value_dim, const AttendState& into) {
  for (size_t r = 0; r < n_rows; r++) {
    if (!(part.m[r] > -__builtin_inff())) continue;
    const MergeFactors factors = merge_softmax<V>(part.m[r], part.s[r], into.m[r], into.s[r]);
    const float* from = part.o + r * value_dim;
    float* to = into.o + r * value_dim;
    for_vectors<V>(value_dim, [&](size_t i, size_t n) HEARTH_INLINE_LAMBDA {
      store_up_to<V>(to + i, n,
                     merged<V>(load_up_to<V>(to + i, n), V::set1(factors.keep), load_up_to<V>(from + i, n),
                               V::set1(factors.add)));
    });
  }
}

// Keys, Values: attention_keys.h, attention_values.h.
template <typename V, typename Keys, typename Values>
class Attention {
 public:
  static void run(const AttendArgs& a) {
    const Range all = visible(a, 0, a.n_rows);
    if (all.empty()) return;
    const Attention attention(a);
    for (size_t r = 0; r < a.n_rows; r++) {
      Keys::pack_query(a.q + r * a.q_stride, a.head_dim, a.scale, attention.query(r));
    }
    for (size_t base = all.begin / kAttendSpan * kAttendSpan; base < all.end; base += kAttendSpan) {
      attention.span(base, all);
    }
  }

 private:
  static constexpr size_t kRows = V::kAttendRows;
  static constexpr size_t kLanes = V::kLanes;
  static_assert(kAttendBlock % Keys::kStrip == 0 && Keys::kStrip % Values::kWeightStep == 0);

  explicit Attention(const AttendArgs& a)
      : a_(a),
        query_bytes_(Keys::query_bytes(a.head_dim)),
        queries_(reinterpret_cast<uint8_t*>(a.scratch)),
        strip_(queries_ + a.n_rows * query_bytes_),
        scores_(reinterpret_cast<float*>(a.scratch + attend_scratch_bytes(a.n_rows, a.head_dim)) -
                a.n_rows * (kAttendSpan + 2)),
        keep_(scores_ + a.n_rows * kAttendSpan),
        add_(keep_ + a.n_rows) {}

  uint8_t* query(size_t row) const { return queries_ + row * query_bytes_; }

  static Range visible(const AttendArgs& a, size_t row, size_t n_rows) {
    Range all = {~size_t{0}, 0};
    for (size_t r = row; r < row + n_rows; r++) {
      const Range range = {static_cast<size_t>(a.first_visible[r] > 0 ? a.first_visible[r] : 0),
                           static_cast<size_t>(a.end_visible[r] > 0 ? a.end_visible[r] : 0)};
      if (range.empty()) continue;
      all.begin = range.begin < all.begin ? range.begin : all.begin;
      all.end = range.end > all.end ? range.end : all.end;
    }
    return all;
  }
  // The same of the span at `base`, relative to it.
  Range in_span(size_t base, size_t row, size_t n_rows) const {
    return visible(a_, row, n_rows).within(base, kAttendSpan);
  }

  // f(row, Index<R>): rows in register tiles of R, as even as possible.
  template <typename F>
  void for_row_tiles(const F& f) const {
    const size_t n_tiles = (a_.n_rows + kRows - 1) / kRows;
    size_t row = 0;
    for (size_t t = 0; t < n_tiles; t++) {
      const size_t n = a_.n_rows / n_tiles + (t < a_.n_rows % n_tiles ? 1 : 0);
      with_count<kRows>(n, [&](auto count) HEARTH_INLINE_LAMBDA { f(row, count); });
      row += n;
    }
  }
  template <size_t R, typename F>
  static HEARTH_INLINE void with_count(size_t n, const F& f) {
    if constexpr (R > 1) {
      if (n < R) return with_count<R - 1>(n, f);
    }
    f(Index<R>{});
  }

  void span(size_t base, Range all) const {
    const Range seen = all.within(base, kAttendSpan);
    const AttendBlock* blocks = a_.blocks + base / kAttendBlock;
    const size_t key_bytes = row_bytes(a_.dtype, a_.head_dim);
    const size_t value_bytes = row_bytes(a_.dtype, a_.value_dim);
    // The values are on their way while scores are computed, the next span's keys while values are added.
    for (size_t p = seen.begin / Keys::kStrip * Keys::kStrip; p < seen.end; p += Keys::kStrip) {
      const AttendBlock& block = blocks[p / kAttendBlock];
      Keys::pack(static_cast<const uint8_t*>(block.keys) + p % kAttendBlock * key_bytes, a_.head_dim, strip_,
                 static_cast<const uint8_t*>(block.values) + p % kAttendBlock * value_bytes);
      for_row_tiles([&](size_t row, auto count) HEARTH_INLINE_LAMBDA {
        constexpr auto kCount = static_cast<size_t>(decltype(count)::value);
        const Range tile = in_span(base, row, kCount);
        if (p >= tile.end || p + Keys::kStrip <= tile.begin) return;
        Keys::template scores<kCount>(query(row), query_bytes_, strip_, a_.head_dim,
                                      scores_ + row * kAttendSpan + p);
      });
    }
    for_row_tiles([&](size_t row, auto count) HEARTH_INLINE_LAMBDA {
      constexpr auto kCount = static_cast<size_t>(decltype(count)::value);
      const Range tile = in_span(base, row, kCount);
      for (size_t r = row; r < row + kCount; r++) weigh(r, in_span(base, r, 1), tile);
    });
    const WeightedSum<V> sum = {scores_, keep_, add_, a_.state.o, a_.value_dim};
    const size_t end = base + kAttendSpan;
    const SpanValues values = {blocks, all.end > end ? all.end - end : 0, value_bytes, key_bytes, seen};
    size_t column = 0;
    for (; column + Values::kStrip <= a_.value_dim; column += Values::kStrip) {
      columns<Values::kStrip / kLanes>(base, values, sum, column, kLanes);
    }
    for (; column < a_.value_dim; column += kLanes) {
      const size_t n = a_.value_dim - column;
      columns<1>(base, values, sum, column, n < kLanes ? n : kLanes);
    }
  }

  // Turns a row's scores in the vectors that `tile` touches into weights relative to their maximum, zero
  // where the row sees nothing.
  void weigh(size_t row, Range seen, Range tile) const {
    keep_[row] = 1;
    add_[row] = 0;
    if (tile.empty()) return;
    float* scores = scores_ + row * kAttendSpan;
    const Range vectors = tile.rounded_out(Values::kWeightStep);
    if (a_.softcap > 0) {
      Elementwise<V>::softcap(scores + vectors.begin, a_.softcap, vectors.end - vectors.begin);
    }
    constexpr float kUnseen = -__builtin_inff();
    if (seen.empty()) seen = {vectors.end, vectors.end};
    for (size_t p = vectors.begin; p < seen.begin; p++) scores[p] = kUnseen;
    for (size_t p = seen.end; p < vectors.end; p++) scores[p] = kUnseen;
    auto best = V::set1(kUnseen);
    for (size_t p = vectors.begin; p < vectors.end; p += kLanes) best = V::max(best, V::load(scores + p));
    const float max = V::reduce_max(best);
    const bool any = max > kUnseen;
    const float sum = Values::weigh(scores, vectors, any ? max : 0.0f);
    if (!any) return;
    const MergeFactors factors = merge_softmax<V>(max, sum, a_.state.m[row], a_.state.s[row]);
    keep_[row] = factors.keep;
    add_[row] = factors.add;
  }

  // Columns [column, column + D·kLanes) of the output, the last vector n wide.
  template <size_t D>
  void columns(size_t base, const SpanValues& values, const WeightedSum<V>& sum, size_t column,
               size_t n) const {
    const bool packed = a_.n_rows > kRows || Values::kAlwaysPacked;
    if (packed) Values::template pack<D>(values, column, n, strip_);
    for_row_tiles([&](size_t row, auto count) HEARTH_INLINE_LAMBDA {
      constexpr auto kCount = static_cast<size_t>(decltype(count)::value);
      const Range tile = in_span(base, row, kCount);
      if (tile.empty()) return;
      if constexpr (!Values::kAlwaysPacked) {
        if (!packed) return Values::template add_stored<kCount, D>(sum, row, tile, values, column, n);
      }
      Values::template add_packed<kCount, D>(sum, row, tile, strip_, column, n);
    });
  }

  const AttendArgs& a_;
  size_t query_bytes_;
  uint8_t* queries_;
  uint8_t* strip_;
  float* scores_;  // [n_rows, kAttendSpan]; later the weights
  float *keep_, *add_;
};

template <typename V, typename Weight>
using FloatAttention =
    Attention<V, FloatKeys<V, StoredFloats<V, Weight>>, FloatValues<V, StoredFloats<V, Weight>>>;

template <typename V>
void attend(const AttendArgs& a) {
  switch (a.dtype) {
    case DType::kF32:
      return FloatAttention<V, WeightF32<V>>::run(a);
    case DType::kF16:
      return FloatAttention<V, WeightF16<V>>::run(a);
    default:  // the only other format a cache stores
      return Attention<V, Int8Keys<V>, FloatValues<V, StoredQ8_0<V>>>::run(a);
  }
}

}  // namespace hearth::kernels::simd
