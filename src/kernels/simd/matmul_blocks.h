// Quantised weights times int8 activations, for all block formats and instruction sets.
//
// A vector lane is a weight row. Blocks of kLanes rows are loaded together and transposed while still packed:
// vector c of a group of 32 columns then holds columns 4c … 4c+3 of every row, which one dot instruction
// multiplies with four broadcast activations. No horizontal sums, scales apply lane by lane, and the same
// unpacked vectors serve both paths:
//   few tokens:  straight from registers, the weights are read once and nothing is stored;
//   many tokens: a panel of rows by kChunk columns is unpacked once into L1, then multiplied with every token
//                in register tiles; between chunks of columns the float sums rest in the output.
//
// Every output is computed the same way whatever the path, the number of tokens and the split of rows:
// integer sums over a group are exact, and groups are added in one fixed order by the same multiplications:
//   acc = fma(float(dot) · x_scale, w_scale, acc)   and, for formats with minima,   acc = fma(x_min, w_min,
//   acc).
// So speculation, batching and chunked prefill change no bit of a result (per instruction set).
#pragma once

#include "kernels/kernels.h"
#include "kernels/simd/rows.h"
#include "kernels/simd/unroll.h"

namespace hearth::kernels::simd {

// What a group of 32 columns carries beside its integers.
enum class Scales {
  kOne,      // a float scale
  kMinimum,  // a float scale and a float minimum
  kSub16,    // a float scale and two integer ones, for 16 columns each
  kPair,     // a float scale, and a float times two integer minima, for 16 columns each
};

// kZero is what was added to the integers to make them unsigned, kMax the largest of them. kSwapped: groups
// come in the order 0 2 1 3 4 6 5 7.
template <Scales scales, int kZeroPoint, int kMaxWeight, bool kSwappedOrder = false>
struct Spec {
  static constexpr Scales kScales = scales;
  static constexpr int kMax = kMaxWeight;
  static constexpr bool kSwapped = kSwappedOrder;
  template <typename V>
  static constexpr int zero() {
    return kZeroPoint - (kMaxWeight > 127 && V::kSignedWide ? 128 : 0);
  }
  // The group that comes as number `slot`.
  static constexpr size_t group(size_t slot) {
    return kSwappedOrder ? (slot & ~size_t{3}) | (slot & 1) << 1 | (slot >> 1 & 1) : slot;
  }
};

// One group of 32 columns of kLanes rows, unpacked. Only the members that the format's Scales name are set.
template <typename V>
struct Group {
  typename V::I w[8];
  typename V::F scale, minimum;
  typename V::I sub[2], pair;
};

inline constexpr size_t kChunkGroups = 16;  // 512 columns
inline constexpr size_t kDecodeTokens = 8;

// What depends on one token and one chunk only.
struct TokenTerms {
  const int8_t* q;
  const float* scale;
  const int16_t* sum;
  float minimum[kChunkGroups];       // scale · Σ q
  int32_t start[kChunkGroups];       // -zero · Σ q: where the group's integer sum starts
  int32_t start_high[kChunkGroups];  // the same for its second 16 columns, where the halves are apart
};

template <typename V, typename Format>
struct BlockMatmul {
  using F = typename V::F;
  using I = typename V::I;
  using S = typename Format::Spec;
  static constexpr size_t kLanes = V::kLanes;
  static constexpr size_t kChunkBlocks = kChunkGroups / Format::kGroups;
  static constexpr bool kHalves = S::kScales == Scales::kSub16;
  static constexpr int kZero = S::template zero<V>();
  // Bytes of a panel's group: 8 vectors of integers, then scales.
  static constexpr size_t kVector = sizeof(I);
  static constexpr size_t kSlot = kVector * (S::kScales == Scales::kOne       ? 9
                                             : S::kScales == Scales::kMinimum ? 10
                                                                              : 11);

  static void run(const MatmulArgs& a) {
    const size_t n_sets = row_sets(a.n_out);
    if (a.n_tokens <= kDecodeTokens) return decode_tokens<1>(a, n_sets);
    size_t i = 0;
    for (; i + V::kPanel <= n_sets; i += V::kPanel) prefill<V::kPanel>(a, i);
    for (; i < n_sets; i++) prefill<1>(a, i);
  }

 private:
  // --- which rows a vector holds ---
  struct RowSet {
    Rows<kLanes> rows;
    size_t first;  // output row of lane 0
    size_t n;      // lanes that count
  };

  // With at least kLanes rows the last set is moved back to overlap its neighbour (it computes the same
  // values again). Fewer rows: what fills quads together, then one row at a time in all lanes.
  static size_t row_sets(size_t n_out) {
    if (n_out >= kLanes) return (n_out + kLanes - 1) / kLanes;
    return (n_out >= 4 ? 1 : 0) + n_out % 4;
  }

  static RowSet row_set(const MatmulArgs& a, size_t index) {
    const auto* weight = static_cast<const uint8_t*>(a.weight);
    RowSet set;
    set.rows.stride = a.weight_row_bytes;
    if (a.n_out >= kLanes) {
      set.first = index * kLanes + kLanes <= a.n_out ? index * kLanes : a.n_out - kLanes;
      set.n = kLanes;
      for (size_t q = 0; q < kLanes / 4; q++)
        set.rows.quad[q] = weight + (set.first + 4 * q) * a.weight_row_bytes;
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

  // --- shared by both paths ---
  static HEARTH_INLINE void prepare_token(const MatmulArgs& a, size_t token, size_t group, size_t n_groups,
                                          TokenTerms& t) {
    const size_t at = token * (a.n_in / kActivationGroup) + group;
    t.q = a.x_q8.q + kActivationGroup * at;
    t.scale = a.x_q8.scale + at;
    t.sum = a.x_q8.sum + 2 * at;
    for (size_t g = 0; g < n_groups; g++) {
      const int32_t low = t.sum[2 * g], high = t.sum[2 * g + 1];
      if constexpr (S::kScales == Scales::kMinimum)
        t.minimum[g] = t.scale[g] * static_cast<float>(low + high);
      if constexpr (kZero != 0) {
        t.start[g] = -kZero * (kHalves ? low : low + high);
        if constexpr (kHalves) t.start_high[g] = -kZero * high;
      }
    }
  }

  static HEARTH_INLINE I start_of(const int32_t* start, size_t group) {
    if constexpr (kZero != 0) return V::iset1(start[group]);
    return V::izero();
  }

  // The one place where a group enters an output. low, high: integer sums (high only where halves are apart).
  static HEARTH_INLINE F accumulate(F acc, I low, I high, const Group<V>& g, const TokenTerms& t,
                                    size_t group) {
    const F x_scale = V::set1(t.scale[group]);
    if constexpr (kHalves) low = V::iadd(V::imul(low, g.sub[0]), V::imul(high, g.sub[1]));
    acc = V::fma(V::mul(V::to_float(low), x_scale), g.scale, acc);
    if constexpr (S::kScales == Scales::kMinimum) acc = V::fma(V::set1(t.minimum[group]), g.minimum, acc);
    if constexpr (S::kScales == Scales::kPair) {
      int32_t sums;
      __builtin_memcpy(&sums, t.sum + 2 * group, sizeof sums);
      const I minimum = V::madd16(g.pair, V::iset1(sums));
      acc = V::fma(V::mul(V::to_float(minimum), x_scale), g.minimum, acc);
    }
    return acc;
  }

  using Whole = typename V::template Dot<S::kMax, 8>;
  using Half = typename V::template Dot<S::kMax, 4>;

  // --- few tokens ---
  template <size_t T>
  static void decode_tokens(const MatmulArgs& a, size_t n_sets) {
    if constexpr (T < kDecodeTokens) {
      if (a.n_tokens > T) return decode_tokens<T + 1>(a, n_sets);
    }
    for (size_t i = 0; i < n_sets; i++) decode<T>(a, i);
  }

  template <size_t T>
  static void decode(const MatmulArgs& a, size_t index) {
    const RowSet set = row_set(a, index);
    const size_t n_groups = a.n_in / kActivationGroup;
    F acc[T];
    for (size_t t = 0; t < T; t++) acc[t] = V::zero();
    typename Format::Scratch scratch;
    for (size_t group = 0; group < n_groups; group += kChunkGroups) {
      const size_t n = n_groups - group < kChunkGroups ? n_groups - group : kChunkGroups;
      const size_t offset = group / Format::kGroups * Format::kBytes;
      const Ahead ahead(a, set, offset);
      TokenTerms terms[T];
      for (size_t t = 0; t < T; t++) prepare_token(a, t, group, n, terms[t]);
      Format::prepare(set.rows, offset, n / Format::kGroups, scratch);
      size_t slot = 0;
      const auto use = [&](const Group<V>& g) HEARTH_INLINE_LAMBDA {
        ahead.prefetch(slot);
        const size_t at = S::group(slot++);
        for (size_t t = 0; t < T; t++) {
          const int8_t* x = terms[t].q + kActivationGroup * at;
          if constexpr (kHalves) {
            Half low, high;
            low.start(start_of(terms[t].start, at));
            high.start(start_of(terms[t].start_high, at));
            unroll<0, 4>([&](auto c) HEARTH_INLINE_LAMBDA {
              low.template step<c.value>(g.w[c.value], V::broadcast4(x + 4 * c.value));
              high.template step<c.value>(g.w[4 + c.value], V::broadcast4(x + 16 + 4 * c.value));
            });
            acc[t] = accumulate(acc[t], low.finish(), high.finish(), g, terms[t], at);
          } else {
            Whole dot;
            dot.start(start_of(terms[t].start, at));
            unroll<0, 8>([&](auto c) HEARTH_INLINE_LAMBDA {
              dot.template step<c.value>(g.w[c.value], V::broadcast4(x + 4 * c.value));
            });
            acc[t] = accumulate(acc[t], dot.finish(), dot.sum, g, terms[t], at);
          }
        }
      };
      for (size_t b = 0; b < n / Format::kGroups; b++) {
        Format::unpack(set.rows, offset + b * Format::kBytes, b, scratch, use);
      }
      for (; slot < kLanes; slot++) ahead.prefetch(slot);
    }
    for (size_t t = 0; t < T; t++) store_lanes(a.out + t * a.out_stride + set.first, set.n, acc[t]);
  }

  // The chunk that will be read kAhead chunks after the one at `offset`, in this set of rows or a later one.
  // Hardware prefetchers lose track of this many rows. One row per group, so that the misses of reading and
  // those of prefetching never queue up behind each other; into the second cache, since the first cannot hold
  // what is under way for all rows.
  struct Ahead {
    static constexpr size_t kChunkBytes = kChunkBlocks * Format::kBytes;
    static constexpr size_t kAhead = 8;
    const uint8_t* row;
    size_t stride, n_rows;

    HEARTH_INLINE Ahead(const MatmulArgs& a, const RowSet& set, size_t offset) {
      const size_t n_bytes = a.n_in / kActivationGroup / Format::kGroups * Format::kBytes;
      const size_t at = offset + kAhead * kChunkBytes;
      const size_t first = set.first + at / n_bytes * kLanes;
      row = static_cast<const uint8_t*>(a.weight) + first * a.weight_row_bytes + at % n_bytes;
      stride = a.weight_row_bytes;
      n_rows = first < a.n_out ? a.n_out - first : 0;
    }
    HEARTH_INLINE void prefetch(size_t r) const {
      if (r >= kLanes || r >= n_rows) return;
      for (size_t byte = 0; byte < kChunkBytes; byte += 64) V::prefetch(row + r * stride + byte);
    }
  };

  static HEARTH_INLINE void store_lanes(float* out, size_t n, F x) {
    if (n == kLanes) {
      V::store(out, x);
    } else {
      V::store_n(out, n, x);
    }
  }

  // --- many tokens ---
  template <size_t R>
  struct Panel {
    alignas(64) uint8_t bytes[kChunkGroups * R * kSlot];
  };

  template <size_t R>
  static void prefill(const MatmulArgs& a, size_t index) {
    RowSet sets[R];
    for (size_t r = 0; r < R; r++) sets[r] = row_set(a, index + r);
    const size_t n_groups = a.n_in / kActivationGroup;
    Panel<R> panel;
    typename Format::Scratch scratch;
    for (size_t group = 0; group < n_groups; group += kChunkGroups) {
      const size_t n = n_groups - group < kChunkGroups ? n_groups - group : kChunkGroups;
      const size_t offset = group / Format::kGroups * Format::kBytes;
      for (size_t r = 0; r < R; r++) {
        Format::prepare(sets[r].rows, offset, n / Format::kGroups, scratch);
        uint8_t* to = panel.bytes + r * kSlot;
        const auto put = [&](const Group<V>& g) HEARTH_INLINE_LAMBDA {
          put_group(g, to);
          to += R * kSlot;
        };
        for (size_t b = 0; b < n / Format::kGroups; b++) {
          Format::unpack(sets[r].rows, offset + b * Format::kBytes, b, scratch, put);
        }
      }
      size_t t = 0;
      for (; t + V::kTile <= a.n_tokens; t += V::kTile) tile<R, V::kTile>(a, sets, panel, t, group, n);
      rest<R, V::kTile - 1>(a, sets, panel, t, group, n);
    }
  }

  // The last a.n_tokens - token tokens, at most T of them.
  template <size_t R, size_t T>
  static HEARTH_INLINE void rest(const MatmulArgs& a, const RowSet (&sets)[R], const Panel<R>& panel,
                                 size_t token, size_t group, size_t n) {
    if constexpr (T > 0) {
      if (a.n_tokens - token == T) {
        tile<R, T>(a, sets, panel, token, group, n);
      } else {
        rest<R, T - 1>(a, sets, panel, token, group, n);
      }
    }
  }

  static HEARTH_INLINE void put_group(const Group<V>& g, uint8_t* to) {
    for (size_t c = 0; c < 8; c++) V::istore(to + c * kVector, g.w[c]);
    float* scale = reinterpret_cast<float*>(to + 8 * kVector);
    V::store(scale, g.scale);
    if constexpr (S::kScales == Scales::kMinimum || S::kScales == Scales::kPair)
      V::store(scale + kLanes, g.minimum);
    if constexpr (S::kScales == Scales::kPair) V::istore(to + 10 * kVector, g.pair);
    if constexpr (S::kScales == Scales::kSub16) {
      V::istore(to + 9 * kVector, g.sub[0]);
      V::istore(to + 10 * kVector, g.sub[1]);
    }
  }

  static HEARTH_INLINE void get_scales(const uint8_t* from, Group<V>& g) {
    const float* scale = reinterpret_cast<const float*>(from + 8 * kVector);
    g.scale = V::load(scale);
    if constexpr (S::kScales == Scales::kMinimum || S::kScales == Scales::kPair)
      g.minimum = V::load(scale + kLanes);
    if constexpr (S::kScales == Scales::kPair) g.pair = V::iload(from + 10 * kVector);
    if constexpr (S::kScales == Scales::kSub16) {
      g.sub[0] = V::iload(from + 9 * kVector);
      g.sub[1] = V::iload(from + 10 * kVector);
    }
  }

  // R vectors of rows by T tokens, over the n groups of a chunk.
  template <size_t R, size_t T>
  static __attribute__((noinline)) void tile(const MatmulArgs& a, const RowSet (&sets)[R],
                                             const Panel<R>& panel, size_t token, size_t group, size_t n) {
    TokenTerms terms[T];
    F acc[R][T];
    for (size_t t = 0; t < T; t++) {
      prepare_token(a, token + t, group, n, terms[t]);
      for (size_t r = 0; r < R; r++) {
        const float* out = a.out + (token + t) * a.out_stride + sets[r].first;
        acc[r][t] = group == 0 ? V::zero() : sets[r].n == kLanes ? V::load(out) : V::load_n(out, sets[r].n);
      }
    }
    const uint8_t* from = panel.bytes;
    for (size_t slot = 0; slot < n; slot++, from += R * kSlot) {
      const size_t at = S::group(slot);
      if constexpr (kHalves) {
        I low[R][T];
        tile_dot<R, T, Half, 4, 0>(terms, &TokenTerms::start, from, at, low);
        I high[R][T];
        tile_dot<R, T, Half, 4, 4>(terms, &TokenTerms::start_high, from, at, high);
        tile_accumulate<R, T>(terms, from, at, low, high, acc);
      } else {
        I dot[R][T];
        tile_dot<R, T, Whole, 8, 0>(terms, &TokenTerms::start, from, at, dot);
        tile_accumulate<R, T>(terms, from, at, dot, dot, acc);
      }
    }
    for (size_t t = 0; t < T; t++) {
      for (size_t r = 0; r < R; r++) {
        store_lanes(a.out + (token + t) * a.out_stride + sets[r].first, sets[r].n, acc[r][t]);
      }
    }
  }

  template <size_t R, size_t T, typename D, size_t kSteps, size_t kFirst>
  static HEARTH_INLINE void tile_dot(const TokenTerms (&terms)[T], int32_t (TokenTerms::*start)[kChunkGroups],
                                     const uint8_t* from, size_t at, I (&out)[R][T]) {
    D dot[R][T];
    for (size_t r = 0; r < R; r++) {
      for (size_t t = 0; t < T; t++) dot[r][t].start(start_of(terms[t].*start, at));
    }
    unroll<0, kSteps>([&](auto c) HEARTH_INLINE_LAMBDA {
      I w[R];
      for (size_t r = 0; r < R; r++) w[r] = V::iload(from + r * kSlot + (kFirst + c.value) * kVector);
      for (size_t t = 0; t < T; t++) {
        const I x = V::broadcast4(terms[t].q + kActivationGroup * at + 4 * (kFirst + c.value));
        for (size_t r = 0; r < R; r++) dot[r][t].template step<c.value>(w[r], x);
      }
    });
    for (size_t r = 0; r < R; r++) {
      for (size_t t = 0; t < T; t++) out[r][t] = dot[r][t].finish();
    }
  }

  template <size_t R, size_t T>
  static HEARTH_INLINE void tile_accumulate(const TokenTerms (&terms)[T], const uint8_t* from, size_t at,
                                            const I (&low)[R][T], const I (&high)[R][T], F (&acc)[R][T]) {
    for (size_t r = 0; r < R; r++) {
      Group<V> g;
      get_scales(from + r * kSlot, g);
      for (size_t t = 0; t < T; t++)
        acc[r][t] = accumulate(acc[r][t], low[r][t], high[r][t], g, terms[t], at);
    }
  }
};

// Registers BlockMatmul<V, Format>.
template <typename V, typename Format>
void install_blocks(KernelTable& table) {
  table.matmul[static_cast<size_t>(Format::kDType)].run = BlockMatmul<V, Format>::run;
}

}  // namespace hearth::kernels::simd
