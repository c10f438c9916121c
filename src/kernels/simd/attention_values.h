// The value side of attention: weights, packed strips of columns, and weighted sums of row tiles.
//
// A policy has kStrip columns to a strip, kWeightStep positions that are weighed at once, and
//   weigh(scores, range, max)     scores -> weights in the policy's own form, in place; returns their sum
//   pack<D>(values, column, n, out)   columns [column, column + D·kLanes), the last vector n wide
//   add_packed<R, D>, add_stored<R, D>   the sum over a tile's positions, merged into the output
#pragma once

#include "kernels/simd/attention_stored.h"

namespace hearth::kernels::simd {

struct Range {
  size_t begin, end;
  bool empty() const { return begin >= end; }
  // The part in [base, base + n), relative to base.
  Range within(size_t base, size_t n) const {
    const size_t from = begin > base ? begin - base : 0;
    const size_t to = end > base ? end - base : 0;
    return {from, to < n ? to : n};
  }
  Range rounded_out(size_t step) const { return {begin / step * step, (end + step - 1) / step * step}; }
};

// The blocks of a span; how many positions of the run follow the span; bytes of a row of values and of keys;
// the positions of the span that any row sees.
struct SpanValues {
  const AttendBlock* blocks;
  size_t following;
  size_t value_bytes, key_bytes;
  Range seen;

  const uint8_t* row(size_t position) const {
    return static_cast<const uint8_t*>(blocks[position / kAttendBlock].values) +
           position % kAttendBlock * value_bytes;
  }
  // What is fetched while the row at `position` is read.
  const uint8_t* ahead(size_t position) const {
    if (position >= following) return row(position);
    const AttendBlock& block = blocks[(kAttendSpan + position) / kAttendBlock];
    return static_cast<const uint8_t*>(block.keys) + position % kAttendBlock * key_bytes;
  }
};

template <typename V>
HEARTH_INLINE typename V::F merged(typename V::F o, typename V::F keep, typename V::F part,
                                   typename V::F add) {
  return V::fma(part, add, V::mul(o, keep));
}

// Weights [n_rows, kAttendSpan], merge factors [n_rows], and the output they go to.
template <typename V>
struct WeightedSum {
  const float* weights;
  const float *keep, *add;
  float* o;
  size_t value_dim;

  template <size_t R, size_t D>
  HEARTH_INLINE void merge(const typename V::F (&acc)[R][D], size_t row, size_t column, size_t n) const {
    for (size_t r = 0; r < R; r++) {
      const auto kept = V::set1(keep[row + r]), added = V::set1(add[row + r]);
      for (size_t d = 0; d < D; d++) {
        float* at = o + (row + r) * value_dim + column + d * V::kLanes;
        store_up_to<V>(at, n, merged<V>(load_up_to<V>(at, n), kept, acc[r][d], added));
      }
    }
  }
};

// Exact floats. Strip: [position][D·kLanes].
template <typename V, typename Stored>
struct FloatValues {
  using F = typename V::F;
  static constexpr size_t kLanes = V::kLanes;
  static constexpr size_t kVectors = V::kAttendVectors;
  static constexpr size_t kStrip = kVectors * kLanes, kWeightStep = kStrip;
  static constexpr bool kAlwaysPacked = false;

  static float weigh(float* scores, Range range, float max) {
    const F shift = V::set1(max);
    F sum[kVectors];
    for (F& part : sum) part = V::zero();
    for (size_t p = range.begin; p < range.end; p += kWeightStep) {
      for (size_t v = 0; v < kVectors; v++) {
        const F weight = exp<V>(V::sub(V::load(scores + p + v * kLanes), shift));
        V::store(scores + p + v * kLanes, weight);
        sum[v] = V::add(sum[v], weight);
      }
    }
    for (size_t v = 1; v < kVectors; v++) sum[0] = V::add(sum[0], sum[v]);
    return V::reduce_add(sum[0]);
  }

  template <size_t D>
  static void pack(const SpanValues& values, size_t column, size_t n, uint8_t* out) {
    auto* strip = reinterpret_cast<float*>(out);
    for (size_t p = values.seen.begin; p < values.seen.end; p++) {
      const uint8_t* row = values.row(p);
      V::prefetch(values.ahead(p) + column * Stored::kBytes);
      for (size_t d = 0; d < D; d++) {
        V::store(strip + (p * D + d) * kLanes, load_stored<V, Stored>(row, column + d * kLanes, n));
      }
    }
  }

  template <size_t R, size_t D>
  static __attribute__((noinline)) void add_packed(const WeightedSum<V>& sum, size_t row, Range tile,
                                                   const uint8_t* strip, size_t column, size_t n) {
    const auto* values = reinterpret_cast<const float*>(strip);
    F acc[R][D];
    clear(acc);
    for (size_t p = tile.begin; p < tile.end; p++) {
      step(sum, row, p, acc,
           [&](size_t d) HEARTH_INLINE_LAMBDA { return V::load(values + (p * D + d) * kLanes); });
    }
    sum.template merge<R, D>(acc, row, column, n);
  }

  template <size_t R, size_t D>
  static __attribute__((noinline)) void add_stored(const WeightedSum<V>& sum, size_t row, Range tile,
                                                   const SpanValues& values, size_t column, size_t n) {
    F acc[R][D];
    clear(acc);
    for (size_t p = tile.begin; p < tile.end; p++) {
      const uint8_t* from = values.row(p);
      V::prefetch(values.ahead(p) + column * Stored::kBytes);
      step(sum, row, p, acc, [&](size_t d) HEARTH_INLINE_LAMBDA {
        return load_stored<V, Stored>(from, column + d * kLanes, n);
      });
    }
    sum.template merge<R, D>(acc, row, column, n);
  }

 private:
  template <size_t R, size_t D>
  static HEARTH_INLINE void clear(F (&acc)[R][D]) {
    for (size_t r = 0; r < R; r++) {
      for (size_t d = 0; d < D; d++) acc[r][d] = V::zero();
    }
  }
  template <size_t R, size_t D, typename Load>
  static HEARTH_INLINE void step(const WeightedSum<V>& sum, size_t row, size_t p, F (&acc)[R][D],
                                 const Load& load) {
    F v[D];
    for (size_t d = 0; d < D; d++) v[d] = load(d);
    for (size_t r = 0; r < R; r++) {
      const F w = V::set1(sum.weights[(row + r) * kAttendSpan + p]);
      for (size_t d = 0; d < D; d++) acc[r][d] = V::fma(w, v[d], acc[r][d]);
    }
  }
};

}  // namespace hearth::kernels::simd
