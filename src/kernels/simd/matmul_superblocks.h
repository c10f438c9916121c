// Weights in blocks of 256 times int8 activations with a scale per 128, for all such formats and instruction
// sets. Lanes, transposing and the two paths are those of matmul_blocks.h.
//
// Half a block of a row is one integer sum, Σ sub-scale · dot over its groups of 32 (exact, whatever the
// order), and one float addition; minima are a second integer sum:
//   acc = fma(float(sum) · d, x_scale, acc)
//   acc = fma(fma(float(min_sum), -dmin, float(sum) · d), x_scale, acc)   with minima
// The largest |sum| is that of Q6_K: 8 · 128 · 16 · 32 · 127 < 2^27.
#pragma once

#include "kernels/simd/row_sets.h"

namespace hearth::kernels::simd {

inline constexpr size_t kBlockGroups = 8;  // groups of 32 in a block
inline constexpr size_t kHalfGroups = kWideActivationGroup / kActivationGroup;
static_assert(kBlockGroups == 2 * kHalfGroups && kChunkGroups % kBlockGroups == 0);

// A format. kScales: integer scales that a group of 32 carries beside its integers, 0 where they have been
// multiplied in, 1, or 2 for 16 columns each. kMins: integer minima of a block, 0, 8 or 16. kZeroPoint: what
// was added to the integers to make them unsigned; kMaxWeight: the largest of them. kSwapped: groups come in
// the order 0 2 1 3 4 6 5 7.
template <int kScales, int kMins, int kZeroPoint, int kMaxWeight, bool kSwappedOrder = false>
struct SuperblockSpec {
  static constexpr size_t kSubScales = kScales;
  static constexpr size_t kMinima = kMins;
  static constexpr int kMax = kMaxWeight;
  template <typename V>
  static constexpr int zero() {
    return kZeroPoint - (kMaxWeight > 127 && V::kSignedWide ? 128 : 0);
  }
  // The group that comes as number `slot` of a block.
  static constexpr size_t group(size_t slot) {
    return kSwappedOrder ? (slot & ~size_t{3}) | (slot & 1) << 1 | (slot >> 1 & 1) : slot;
  }
};

// One group of 32 columns of kLanes rows, unpacked; as many scales as the format's groups carry.
template <typename V>
struct IntGroup {
  typename V::I w[8];
  typename V::I scale[2];
};

// What a block of kLanes rows has once. minimum[j]: int16 pairs, the minima 2j and 2j + 1.
template <typename V>
struct BlockScales {
  typename V::F d, minus_dmin;
  typename V::I minimum[8];
};

// What depends on one token and one chunk only.
struct SuperblockTerms {
  const int8_t* q;
  const float* scale;
  const int16_t* sum;               // by 16 columns
  int16_t group_sum[kChunkGroups];  // by 32
  int32_t start[2 * kChunkGroups];  // -zero · Σ q, where integer sums start: by 32 columns, or by 16
};

template <typename V, typename Format>
struct SuperblockMatmul {
  using F = typename V::F;
  using I = typename V::I;
  using S = typename Format::Spec;
  static constexpr size_t kLanes = V::kLanes;
  static constexpr size_t kParts = S::kSubScales == 2 ? 2 : 1;  // of a group, with a scale each
  static constexpr size_t kSteps = 8 / kParts;
  // Two scales a group make room for fewer tokens: more of what is under way between dot products has to be
  // in registers.
  static constexpr size_t kTile = kParts == 2 && V::kTile > 4 ? 4 : V::kTile;
  using Dot = typename V::template Dot<S::kMax, kSteps>;
  static constexpr int kZero = S::template zero<V>();
  static constexpr size_t kChunkBytes = kChunkGroups / kBlockGroups * Format::kBytes;
  // A panel holds, block by block, the groups and then the block's scales, each for R vectors of rows.
  static constexpr size_t kVector = sizeof(I);
  static constexpr size_t kSlot = kVector * (8 + S::kSubScales);
  static constexpr size_t kTail = kVector * (S::kMinima > 0 ? 2 + S::kMinima / 2 : 1);
  static constexpr size_t kPanelBlock = kBlockGroups * kSlot + kTail;

  // --- shared by both paths ---
  static HEARTH_INLINE void prepare_token(const MatmulArgs& a, size_t token, size_t group, size_t n_groups,
                                          SuperblockTerms& t) {
    const size_t at = token * (a.n_in / kActivationGroup) + group;
    t.q = a.x_q8.q + kActivationGroup * at;
    t.scale = a.x_q8.scale + at;
    t.sum = a.x_q8.sum + 2 * at;
    if constexpr (S::kMinima == kBlockGroups) {
      for (size_t g = 0; g < n_groups; g++) {
        t.group_sum[g] = static_cast<int16_t>(t.sum[2 * g] + t.sum[2 * g + 1]);
      }
    }
    if constexpr (kZero != 0) {
      if constexpr (kParts == 2) {
        for (size_t i = 0; i < 2 * n_groups; i++) t.start[i] = -kZero * t.sum[i];
      } else {
        for (size_t g = 0; g < n_groups; g++) t.start[g] = -kZero * (t.sum[2 * g] + t.sum[2 * g + 1]);
      }
    }
  }

  // Where the dot product of a part of a group starts.
  static HEARTH_INLINE I start_of(const SuperblockTerms& t, size_t group, size_t part, I sum) {
    if constexpr (S::kSubScales == 0) {
      if constexpr (kZero != 0) return V::iadd(sum, V::iset1(t.start[group]));
      return sum;
    }
    if constexpr (kZero != 0) return V::iset1(t.start[kParts * group + part]);
    return V::izero();
  }

  static HEARTH_INLINE I add_scaled(I sum, I dot, I scale) {
    if constexpr (S::kSubScales == 0) return dot;
    return V::iadd(sum, V::imul(dot, scale));
  }

  // The one place where half a block enters an output; half: of the chunk.
  static HEARTH_INLINE F accumulate(F acc, I sum, const BlockScales<V>& s, const SuperblockTerms& t,
                                    size_t half) {
    constexpr size_t kMinima = S::kMinima / 2;
    F value = V::mul(V::to_float(sum), s.d);
    if constexpr (kMinima > 0) {
      const int16_t* sums = S::kMinima == kBlockGroups ? t.group_sum : t.sum;
      I minima = V::izero();
      for (size_t j = 0; j < kMinima / 2; j++) {
        int32_t pair;
        __builtin_memcpy(&pair, sums + kMinima * half + 2 * j, sizeof pair);
        minima = V::madd16_add(minima, s.minimum[half % 2 * (kMinima / 2) + j], V::iset1(pair));
      }
      value = V::fma(V::to_float(minima), s.minus_dmin, value);
    }
    return V::fma(value, V::set1(t.scale[kHalfGroups * half]), acc);
  }

  // --- few tokens ---
  template <size_t T>
  static void decode(const MatmulArgs& a, size_t index) {
    const RowSet<kLanes> set = row_set<kLanes>(a, index);
    const size_t n_groups = a.n_in / kActivationGroup;
    F acc[T];
    for (size_t t = 0; t < T; t++) acc[t] = V::zero();
    for (size_t group = 0; group < n_groups; group += kChunkGroups) {
      const size_t n = n_groups - group < kChunkGroups ? n_groups - group : kChunkGroups;
      const size_t offset = group / kBlockGroups * Format::kBytes;
      const Ahead<V, kChunkBytes> ahead(a, set, offset, kDecodeAhead, kLanes);
      SuperblockTerms terms[T];
      for (size_t t = 0; t < T; t++) prepare_token(a, t, group, n, terms[t]);
      size_t slot = 0;
      for (size_t block = 0; block < n / kBlockGroups; block++) {
        I sum[T], first_half[T];
        for (size_t t = 0; t < T; t++) sum[t] = V::izero();
        const auto use = [&](const IntGroup<V>& g) HEARTH_INLINE_LAMBDA {
          ahead.prefetch(slot);
          const size_t at = kBlockGroups * block + S::group(slot % kBlockGroups);
          if (slot++ % kBlockGroups == kHalfGroups) {
            for (size_t t = 0; t < T; t++) {
              first_half[t] = sum[t];
              sum[t] = V::izero();
            }
          }
          for (size_t t = 0; t < T; t++) {
            const int8_t* x = terms[t].q + kActivationGroup * at;
            unroll<0, kParts>([&](auto part) HEARTH_INLINE_LAMBDA {
              Dot dot;
              dot.start(start_of(terms[t], at, part.value, sum[t]));
              unroll<0, kSteps>([&](auto c) HEARTH_INLINE_LAMBDA {
                constexpr size_t i = part.value * kSteps + c.value;
                dot.template step<c.value>(g.w[i], V::broadcast4(x + 4 * i));
              });
              sum[t] = add_scaled(sum[t], dot.finish(), g.scale[part.value]);
            });
          }
        };
        const BlockScales<V> scales = Format::unpack(set.rows, offset + block * Format::kBytes, use);
        for (size_t t = 0; t < T; t++) {
          acc[t] = accumulate(acc[t], first_half[t], scales, terms[t], 2 * block);
          acc[t] = accumulate(acc[t], sum[t], scales, terms[t], 2 * block + 1);
        }
      }
      for (; slot < kLanes; slot++) ahead.prefetch(slot);
    }
    for (size_t t = 0; t < T; t++) store_lanes<V>(a.out + t * a.out_stride + set.first, set.n, acc[t]);
  }

  // --- many tokens ---
  template <size_t R>
  static void prefill(const MatmulArgs& a, size_t index) {
    RowSet<kLanes> sets[R];
    for (size_t r = 0; r < R; r++) sets[r] = row_set<kLanes>(a, index + r);
    const size_t n_groups = a.n_in / kActivationGroup;
    alignas(64) uint8_t panel[kChunkGroups / kBlockGroups * R * kPanelBlock];
    for (size_t group = 0; group < n_groups; group += kChunkGroups) {
      const size_t n = n_groups - group < kChunkGroups ? n_groups - group : kChunkGroups;
      const size_t offset = group / kBlockGroups * Format::kBytes;
      for (size_t block = 0; block < n / kBlockGroups; block++) {
        uint8_t* const to = panel + block * R * kPanelBlock;
        for (size_t r = 0; r < R; r++) {
          uint8_t* slot = to + r * kSlot;
          const auto put = [&](const IntGroup<V>& g) HEARTH_INLINE_LAMBDA {
            for (size_t c = 0; c < 8; c++) V::istore(slot + c * kVector, g.w[c]);
            for (size_t i = 0; i < S::kSubScales; i++) V::istore(slot + (8 + i) * kVector, g.scale[i]);
            slot += R * kSlot;
          };
          const BlockScales<V> s = Format::unpack(sets[r].rows, offset + block * Format::kBytes, put);
          put_scales(s, to + R * kBlockGroups * kSlot + r * kTail);
        }
      }
      for_tiles<V, kTile, kChunkBytes>(a, sets, offset, [&](auto tokens, size_t token) {
        tile<R, static_cast<size_t>(tokens.value)>(a, sets, panel, token, group, n);
      });
    }
  }

  static HEARTH_INLINE void put_scales(const BlockScales<V>& s, uint8_t* to) {
    V::store(reinterpret_cast<float*>(to), s.d);
    if constexpr (S::kMinima > 0) {
      V::store(reinterpret_cast<float*>(to + kVector), s.minus_dmin);
      for (size_t j = 0; j < S::kMinima / 2; j++) V::istore(to + (2 + j) * kVector, s.minimum[j]);
    }
  }

  static HEARTH_INLINE void get_scales(const uint8_t* from, BlockScales<V>& s) {
    s.d = V::load(reinterpret_cast<const float*>(from));
    if constexpr (S::kMinima > 0) {
      s.minus_dmin = V::load(reinterpret_cast<const float*>(from + kVector));
      for (size_t j = 0; j < S::kMinima / 2; j++) s.minimum[j] = V::iload(from + (2 + j) * kVector);
    }
  }

  // R vectors of rows by T tokens, over the n groups of a chunk.
  template <size_t R, size_t T>
  static __attribute__((noinline)) void tile(const MatmulArgs& a, const RowSet<kLanes> (&sets)[R],
                                             const uint8_t* panel, size_t token, size_t group, size_t n) {
    SuperblockTerms terms[T];
    // Read before anything is stored: sets of rows may overlap.
    F acc[R][T];
    for (size_t t = 0; t < T; t++) {
      prepare_token(a, token + t, group, n, terms[t]);
      for (size_t r = 0; r < R; r++) {
        const float* out = a.out + (token + t) * a.out_stride + sets[r].first;
        acc[r][t] = group == 0 ? V::zero() : load_lanes<V>(out, sets[r].n);
      }
    }
    for (size_t half = 0; half < n / kHalfGroups; half++) {
      const uint8_t* const block = panel + half / 2 * R * kPanelBlock;
      I sum[R][T];
      for (size_t r = 0; r < R; r++) {
        for (size_t t = 0; t < T; t++) sum[r][t] = V::izero();
      }
      for (size_t i = 0; i < kHalfGroups; i++) {
        const size_t slot = half % 2 * kHalfGroups + i;
        const uint8_t* from = block + slot * R * kSlot;
        const size_t at = half / 2 * kBlockGroups + S::group(slot);
        unroll<0, kParts>([&](auto part)
                              HEARTH_INLINE_LAMBDA { tile_part<R, T, part.value>(terms, from, at, sum); });
      }
      for (size_t r = 0; r < R; r++) {
        BlockScales<V> s;
        get_scales(block + R * kBlockGroups * kSlot + r * kTail, s);
        for (size_t t = 0; t < T; t++) acc[r][t] = accumulate(acc[r][t], sum[r][t], s, terms[t], half);
      }
    }
    for (size_t t = 0; t < T; t++) {
      for (size_t r = 0; r < R; r++) {
        store_lanes<V>(a.out + (token + t) * a.out_stride + sets[r].first, sets[r].n, acc[r][t]);
      }
    }
  }

  template <size_t R, size_t T, size_t kPart>
  static HEARTH_INLINE void tile_part(const SuperblockTerms (&terms)[T], const uint8_t* from, size_t at,
                                      I (&sum)[R][T]) {
    Dot dot[R][T];
    for (size_t r = 0; r < R; r++) {
      for (size_t t = 0; t < T; t++) dot[r][t].start(start_of(terms[t], at, kPart, sum[r][t]));
    }
    unroll<0, kSteps>([&](auto c) HEARTH_INLINE_LAMBDA {
      constexpr size_t i = kPart * kSteps + c.value;
      I w[R];
      for (size_t r = 0; r < R; r++) w[r] = V::iload(from + r * kSlot + i * kVector);
      for (size_t t = 0; t < T; t++) {
        const I x = V::broadcast4(terms[t].q + kActivationGroup * at + 4 * i);
        for (size_t r = 0; r < R; r++) dot[r][t].template step<c.value>(w[r], x);
      }
    });
    for (size_t r = 0; r < R; r++) {
      const I scale = S::kSubScales > 0 ? V::iload(from + r * kSlot + (8 + kPart) * kVector) : V::izero();
      for (size_t t = 0; t < T; t++) sum[r][t] = add_scaled(sum[r][t], dot[r][t].finish(), scale);
    }
  }
};

// Registers SuperblockMatmul<V, Format>.
template <typename V, typename Format>
void install_superblocks(KernelTable& table) {
  table.matmul[static_cast<size_t>(Format::kDType)].run = run_sets<V, SuperblockMatmul<V, Format>>;
}

}  // namespace hearth::kernels::simd
