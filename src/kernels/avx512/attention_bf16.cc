// Attention with bfloat16 products, twice as fast as float32: queries, keys, weights and values are rounded
// to 8 significant bits, sums are float32. F32 caches stay exact, and Q8_0 keys meet int8 queries as
// everywhere.
#include "kernels/avx512/install.h"
#include "kernels/avx512/vec.h"
#include "kernels/simd/attention.h"

namespace hearth::kernels::avx512 {
namespace {

// A type of its own, so that no template instance of this file stands in for one that must run without BF16.
struct VBf16 : V {
  // 32 bfloat16, two to a lane: those of `low`, then those of `high`.
  static I to_bf16(F low, F high) { return reinterpret_cast<I>(_mm512_cvtne2ps_pbh(high, low)); }
  // Per lane sum + a·b over its two elements.
  static F dot(F sum, I a, I b) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  }
  static I broadcast(const uint32_t* p) { return _mm512_set1_epi32(static_cast<int>(*p)); }
};

using simd::Range;
using F = V::F;
using I = V::I;
constexpr size_t kLanes = V::kLanes, kVectors = V::kAttendVectors, kStripLanes = kVectors * kLanes;

// Strip: pairs of dimensions [head_dim/2][kStrip].
struct Bf16Keys {
  static constexpr size_t kStrip = kStripLanes;
  static constexpr size_t kPairsInChunk = 4;

  static size_t n_pairs(size_t head_dim) { return (head_dim + 7) / 8 * kPairsInChunk; }
  static size_t query_bytes(size_t head_dim) { return (head_dim + 31) / 32 * 64; }

  static void pack_query(const float* q, size_t head_dim, float scale, uint8_t* out) {
    const F factor = V::set1(scale);
    const auto load = [&](size_t i) {
      return i < head_dim ? V::mul(V::load_n(q + i, head_dim - i < kLanes ? head_dim - i : kLanes), factor)
                          : V::zero();
    };
    for (size_t i = 0; i < head_dim; i += 32) {
      V::istore(out + 2 * i, VBf16::to_bf16(load(i), load(i + kLanes)));
    }
  }

  static void pack(const uint8_t* keys, size_t head_dim, uint8_t* out, const uint8_t* ahead) {
    for (size_t v = 0; v < kVectors; v++) {
      const size_t first = v * kLanes * head_dim * 2;
      uint8_t* to = out + v * sizeof(I);
      simd::for_row_chunks<V>(keys + first, head_dim * 2, ahead + first,
                              [&](size_t c, const I words[4]) HEARTH_INLINE_LAMBDA {
                                for (size_t j = 0; j < kPairsInChunk; j++) {
                                  V::istore(to + (c * kPairsInChunk + j) * kStrip * 4, from_f16(words[j]));
                                }
                              });
    }
  }

  template <size_t R>
  static __attribute__((noinline)) void scores(const uint8_t* queries, size_t query_bytes,
                                               const uint8_t* strip, size_t head_dim, float* out) {
    F acc[R][kVectors];
    for (size_t r = 0; r < R; r++) {
      for (size_t v = 0; v < kVectors; v++) acc[r][v] = V::zero();
    }
    for (size_t i = 0; i < n_pairs(head_dim); i++) {
      I key[kVectors];
      for (size_t v = 0; v < kVectors; v++) key[v] = V::iload(strip + (i * kStrip + v * kLanes) * 4);
      for (size_t r = 0; r < R; r++) {
        const I x = VBf16::broadcast(reinterpret_cast<const uint32_t*>(queries + r * query_bytes) + i);
        for (size_t v = 0; v < kVectors; v++) acc[r][v] = VBf16::dot(acc[r][v], key[v], x);
      }
    }
    for (size_t r = 0; r < R; r++) {
      for (size_t v = 0; v < kVectors; v++) V::store(out + r * kAttendSpan + v * kLanes, acc[r][v]);
    }
  }

 private:
  static HEARTH_INLINE I from_f16(I a) {
    return VBf16::to_bf16(_mm512_cvtph_ps(_mm512_castsi512_si256(a)),
                          _mm512_cvtph_ps(_mm512_extracti64x4_epi64(a, 1)));
  }
};

// 2^x for x <= 0 to about 1e-5, far inside what rounding to bfloat16 costs; 0 from -150 down.
HEARTH_INLINE F exp2_negative(F x) {
  x = V::max(x, V::set1(-150.0f));
  const F n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const F r = V::sub(x, n);
  F p = V::set1(9.6181291e-3f);
  p = V::fma(p, r, V::set1(5.5504109e-2f));
  p = V::fma(p, r, V::set1(2.4022651e-1f));
  p = V::fma(p, r, V::set1(6.9314718e-1f));
  p = V::fma(p, r, V::set1(1.0f));
  return _mm512_scalef_ps(p, n);
}

// Strip: pairs of positions [kAttendSpan/2][D·kLanes]. Weights: bfloat16 [kAttendSpan] in the first half of a
// row of scores.
template <typename Stored>
struct Bf16Values {
  static constexpr size_t kStrip = kStripLanes, kWeightStep = 2 * kLanes;
  static constexpr bool kAlwaysPacked = true;

  static float weigh(float* scores, Range range, float max) {
    constexpr float kLog2e = 1.44269504f;
    const F factor = V::set1(kLog2e), shift = V::set1(-max * kLog2e);
    const I ones = _mm512_set1_epi16(0x3f80);
    auto* weights = reinterpret_cast<uint8_t*>(scores);
    F sum = V::zero();
    for (size_t p = range.begin; p < range.end; p += kWeightStep) {
      const F low = exp2_negative(V::fma(V::load(scores + p), factor, shift));
      const F high = exp2_negative(V::fma(V::load(scores + p + kLanes), factor, shift));
      const I both = VBf16::to_bf16(low, high);
      V::istore(weights + 2 * p, both);
      sum = VBf16::dot(sum, both, ones);  // of the rounded weights, so that they add up to 1
    }
    return V::reduce_add(sum);
  }

  template <size_t D>
  static void pack(const simd::SpanValues& values, size_t column, size_t n, uint8_t* out) {
    static constexpr uint16_t kInterleave[32] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                                 21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                                 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    const I interleave = V::iload(kInterleave);
    const Range pairs = values.seen.rounded_out(2);
    for (size_t p = pairs.begin; p < pairs.end; p += 2) {
      F rows[2][D];
      for (size_t i = 0; i < 2; i++) {
        const uint8_t* row = values.row(p + i);
        for (size_t b = 0; b < D * kLanes * Stored::kBytes; b += 64) {
          V::prefetch_far(values.ahead(p + i) + column * Stored::kBytes + b);
        }
        const bool seen = p + i >= values.seen.begin && p + i < values.seen.end;
        for (size_t d = 0; d < D; d++) {
          rows[i][d] = seen ? simd::load_stored<V, Stored>(row, column + d * kLanes, n) : V::zero();
        }
      }
      for (size_t d = 0; d < D; d++) {
        const I pair = VBf16::to_bf16(rows[0][d], rows[1][d]);
        V::istore(out + (p / 2 * D + d) * sizeof(I), _mm512_permutexvar_epi16(interleave, pair));
      }
    }
  }

  template <size_t R, size_t D>
  static __attribute__((noinline)) void add_packed(const simd::WeightedSum<VBf16>& sum, size_t row,
                                                   Range tile, const uint8_t* strip, size_t column,
                                                   size_t n) {
    F acc[R][D];
    for (size_t r = 0; r < R; r++) {
      for (size_t d = 0; d < D; d++) acc[r][d] = V::zero();
    }
    const auto* weights = reinterpret_cast<const uint32_t*>(sum.weights + row * kAttendSpan);
    for (size_t i = tile.begin / 2; i < (tile.end + 1) / 2; i++) {
      I value[D];
      for (size_t d = 0; d < D; d++) value[d] = V::iload(strip + (i * D + d) * sizeof(I));
      for (size_t r = 0; r < R; r++) {
        const I w = VBf16::broadcast(weights + r * kAttendSpan + i);
        for (size_t d = 0; d < D; d++) acc[r][d] = VBf16::dot(acc[r][d], value[d], w);
      }
    }
    sum.template merge<R, D>(acc, row, column, n);
  }
};

using simd::Attention;
using simd::StoredFloats, simd::StoredQ8_0, simd::WeightF16;

void attend_bf16(const AttendArgs& a) {
  switch (a.dtype) {
    case DType::kF32:
      return simd::attend<VBf16>(a);
    case DType::kF16:
      return Attention<VBf16, Bf16Keys, Bf16Values<StoredFloats<VBf16, WeightF16<VBf16>>>>::run(a);
    default:
      return Attention<VBf16, simd::Int8Keys<VBf16>, Bf16Values<StoredQ8_0<VBf16>>>::run(a);
  }
}

}  // namespace

void install_bf16_attention(KernelTable& table) {
  table.attend = attend_bf16;
}

}  // namespace hearth::kernels::avx512
