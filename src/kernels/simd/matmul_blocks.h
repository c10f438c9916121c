// Weights in blocks of 32 times int8 activations with a scale per 32, for all such formats and instruction
// sets.
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

#include "kernels/simd/row_sets.h"

namespace hearth::kernels::simd {

// A format: kMinimum says whether groups have a float minimum beside their float scale; kZeroPoint is what
// was added to the integers to make them unsigned, kMaxWeight the largest of them.
template <bool kHasMinimum, int kZeroPoint, int kMaxWeight>
struct BlockSpec {
  static constexpr bool kMinimum = kHasMinimum;
  static constexpr int kMax = kMaxWeight;
  template <typename V>
  static constexpr int zero() {
    return kZeroPoint - (kMaxWeight > 127 && V::kSignedWide ? 128 : 0);
  }
};

// One group of 32 columns of kLanes rows, unpacked. `minimum` only where the format has one.
template <typename V>
struct Group {
  typename V::I w[8];
  typename V::F scale, minimum;
};

// What depends on one token and one chunk only.
struct BlockTerms {
  const int8_t* q;
  const float* scale;
  float minimum[kChunkGroups];  // scale · Σ q
  int32_t start[kChunkGroups];  // -zero · Σ q: where the group's integer sum starts
};

template <typename V, typename Format>
struct BlockMatmul {
  using F = typename V::F;
  using I = typename V::I;
  using S = typename Format::Spec;
  using Dot = typename V::template Dot<S::kMax, 8>;
  static constexpr size_t kLanes = V::kLanes;
  static constexpr int kZero = S::template zero<V>();
  static constexpr size_t kChunkBytes = kChunkGroups * Format::kBytes;
  // Bytes of a panel's group: 8 vectors of integers, then scales.
  static constexpr size_t kVector = sizeof(I);
  static constexpr size_t kSlot = kVector * (S::kMinimum ? 10 : 9);

  // --- shared by both paths ---
  static HEARTH_INLINE void prepare_token(const MatmulArgs& a, size_t token, size_t group, size_t n_groups,
                                          BlockTerms& t) {
    const size_t at = token * (a.n_in / kActivationGroup) + group;
    t.q = a.x_q8.q + kActivationGroup * at;
    t.scale = a.x_q8.scale + at;
    const int16_t* sum = a.x_q8.sum + 2 * at;
    for (size_t g = 0; g < n_groups; g++) {
      const int32_t both = sum[2 * g] + sum[2 * g + 1];
      if constexpr (S::kMinimum) t.minimum[g] = t.scale[g] * static_cast<float>(both);
      if constexpr (kZero != 0) t.start[g] = -kZero * both;
    }
  }

  static HEARTH_INLINE I start_of(const BlockTerms& t, size_t group) {
    if constexpr (kZero != 0) return V::iset1(t.start[group]);
    return V::izero();
  }

  // The one place where a group enters an output.
  static HEARTH_INLINE F accumulate(F acc, I dot, const Group<V>& g, const BlockTerms& t, size_t group) {
    acc = V::fma(V::mul(V::to_float(dot), V::set1(t.scale[group])), g.scale, acc);
    if constexpr (S::kMinimum) acc = V::fma(V::set1(t.minimum[group]), g.minimum, acc);
    return acc;
  }

  // --- few tokens ---
  template <size_t T>
  static void decode(const MatmulArgs& a, size_t index) {
    const RowSet<kLanes> set = row_set<kLanes>(a, index);
    const size_t n_groups = a.n_in / kActivationGroup;
    F acc[T];
    for (size_t t = 0; t < T; t++) acc[t] = V::zero();
    typename Format::Scratch scratch;
    for (size_t group = 0; group < n_groups; group += kChunkGroups) {
      const size_t n = n_groups - group < kChunkGroups ? n_groups - group : kChunkGroups;
      const size_t offset = group * Format::kBytes;
      const Ahead<V, kChunkBytes> ahead(a, set, offset, kDecodeAhead, kLanes);
      BlockTerms terms[T];
      for (size_t t = 0; t < T; t++) prepare_token(a, t, group, n, terms[t]);
      Format::prepare(set.rows, offset, n, scratch);
      for (size_t b = 0; b < n; b++) {
        ahead.prefetch(b);
        Group<V> g;
        Format::unpack(set.rows, offset + b * Format::kBytes, b, scratch, g);
        for (size_t t = 0; t < T; t++) {
          const int8_t* x = terms[t].q + kActivationGroup * b;
          Dot dot;
          dot.start(start_of(terms[t], b));
          unroll<0, 8>([&](auto c) HEARTH_INLINE_LAMBDA {
            dot.template step<c.value>(g.w[c.value], V::broadcast4(x + 4 * c.value));
          });
          acc[t] = accumulate(acc[t], dot.finish(), g, terms[t], b);
        }
      }
      for (size_t r = n; r < kLanes; r++) ahead.prefetch(r);
    }
    for (size_t t = 0; t < T; t++) store_lanes<V>(a.out + t * a.out_stride + set.first, set.n, acc[t]);
  }

  // --- many tokens ---
  template <size_t R>
  static void prefill(const MatmulArgs& a, size_t index) {
    RowSet<kLanes> sets[R];
    for (size_t r = 0; r < R; r++) sets[r] = row_set<kLanes>(a, index + r);
    const size_t n_groups = a.n_in / kActivationGroup;
    alignas(64) uint8_t panel[kChunkGroups * R * kSlot];
    typename Format::Scratch scratch;
    for (size_t group = 0; group < n_groups; group += kChunkGroups) {
      const size_t n = n_groups - group < kChunkGroups ? n_groups - group : kChunkGroups;
      const size_t offset = group * Format::kBytes;
      for (size_t r = 0; r < R; r++) {
        Format::prepare(sets[r].rows, offset, n, scratch);
        for (size_t b = 0; b < n; b++) {
          Group<V> g;
          Format::unpack(sets[r].rows, offset + b * Format::kBytes, b, scratch, g);
          put_group(g, panel + (b * R + r) * kSlot);
        }
      }
      for_tiles<V, V::kTile, kChunkBytes>(a, sets, offset, [&](auto tokens, size_t token) {
        tile<R, static_cast<size_t>(tokens.value)>(a, sets, panel, token, group, n);
      });
    }
  }

  static HEARTH_INLINE void put_group(const Group<V>& g, uint8_t* to) {
    for (size_t c = 0; c < 8; c++) V::istore(to + c * kVector, g.w[c]);
    float* scale = reinterpret_cast<float*>(to + 8 * kVector);
    V::store(scale, g.scale);
    if constexpr (S::kMinimum) V::store(scale + kLanes, g.minimum);
  }

  // R vectors of rows by T tokens, over the n groups of a chunk.
  template <size_t R, size_t T>
  static __attribute__((noinline)) void tile(const MatmulArgs& a, const RowSet<kLanes> (&sets)[R],
                                             const uint8_t* panel, size_t token, size_t group, size_t n) {
    BlockTerms terms[T];
    F acc[R][T];
    for (size_t t = 0; t < T; t++) {
      prepare_token(a, token + t, group, n, terms[t]);
      for (size_t r = 0; r < R; r++) {
        const float* out = a.out + (token + t) * a.out_stride + sets[r].first;
        acc[r][t] = group == 0 ? V::zero() : load_lanes<V>(out, sets[r].n);
      }
    }
    const uint8_t* from = panel;
    for (size_t b = 0; b < n; b++, from += R * kSlot) {
      Dot dot[R][T];
      for (size_t r = 0; r < R; r++) {
        for (size_t t = 0; t < T; t++) dot[r][t].start(start_of(terms[t], b));
      }
      unroll<0, 8>([&](auto c) HEARTH_INLINE_LAMBDA {
        I w[R];
        for (size_t r = 0; r < R; r++) w[r] = V::iload(from + r * kSlot + c.value * kVector);
        for (size_t t = 0; t < T; t++) {
          const I x = V::broadcast4(terms[t].q + kActivationGroup * b + 4 * c.value);
          for (size_t r = 0; r < R; r++) dot[r][t].template step<c.value>(w[r], x);
        }
      });
      for (size_t r = 0; r < R; r++) {
        Group<V> g;
        const float* scale = reinterpret_cast<const float*>(from + r * kSlot + 8 * kVector);
        g.scale = V::load(scale);
        if constexpr (S::kMinimum) g.minimum = V::load(scale + kLanes);
        for (size_t t = 0; t < T; t++) acc[r][t] = accumulate(acc[r][t], dot[r][t].finish(), g, terms[t], b);
      }
    }
    for (size_t t = 0; t < T; t++) {
      for (size_t r = 0; r < R; r++) {
        store_lanes<V>(a.out + (token + t) * a.out_stride + sets[r].first, sets[r].n, acc[r][t]);
      }
    }
  }
};

// Registers BlockMatmul<V, Format>.
template <typename V, typename Format>
void install_blocks(KernelTable& table) {
  table.matmul[static_cast<size_t>(Format::kDType)].run = run_sets<V, BlockMatmul<V, Format>>;
}

}  // namespace hearth::kernels::simd
