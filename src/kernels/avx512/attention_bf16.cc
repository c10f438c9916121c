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

using StoredF16 = simd::StoredFloats<VBf16, simd::WeightF16<VBf16>>;

// kLanes floats from element i of a row of n; zeros past its end.
template <typename Load>
HEARTH_INLINE F load_padded(size_t i, size_t n, const Load& load) {
  return i < n ? load(i, n - i < kLanes ? n - i : kLanes) : V::zero();
}

// F16 keys. Strip: pairs of dimensions [head_dim/2][kStrip].
struct Bf16Keys {
  static constexpr size_t kStrip = kStripLanes;
  static constexpr size_t kDims = 2 * kLanes;  // packed at once

  static size_t query_bytes(size_t head_dim) { return (head_dim + kDims - 1) / kDims * kDims * 2; }

  static void pack_query(const float* q, size_t head_dim, float scale, uint8_t* out) {
    const auto load = [&](size_t i, size_t n) { return V::mul(V::load_n(q + i, n), V::set1(scale)); };
    for (size_t i = 0; i < head_dim; i += kDims) {
      V::istore(out + 2 * i,
                VBf16::to_bf16(load_padded(i, head_dim, load), load_padded(i + kLanes, head_dim, load)));
    }
  }

  static void pack(const uint8_t* keys, size_t head_dim, uint8_t* out, const uint8_t* ahead) {
    const size_t bytes = head_dim * 2;
    for (size_t p = 0; p < kStrip; p += kLanes) {
      const uint8_t* rows = keys + p * bytes;
      uint8_t* to = out + p * 4;
      const uint8_t* next = ahead + p * bytes;
      size_t i = 0;
      for (; i + kDims <= head_dim; i += kDims) {
        pack_square(to + i / 2 * kStrip * 4, [&](size_t r, size_t half) HEARTH_INLINE_LAMBDA {
          if (half == 0) V::prefetch(next + r * bytes + i * 2);
          return V::load_f16(rows + r * bytes + (i + half * kLanes) * 2);
        });
      }
      if (i < head_dim) {
        pack_square(to + i / 2 * kStrip * 4, [&](size_t r, size_t half) HEARTH_INLINE_LAMBDA {
          return load_padded(i + half * kLanes, head_dim, [&](size_t at, size_t n) HEARTH_INLINE_LAMBDA {
            return simd::load_stored<VBf16, StoredF16>(rows + r * bytes, at, n);
          });
        });
      }
    }
  }

  template <size_t R>
  static __attribute__((noinline)) void scores(const uint8_t* queries, size_t query_bytes,
                                               const uint8_t* strip, size_t head_dim, float* out) {
    F acc[R][kVectors];
    for (size_t r = 0; r < R; r++) {
      for (size_t v = 0; v < kVectors; v++) acc[r][v] = V::zero();
    }
    for (size_t i = 0; i < (head_dim + 1) / 2; i++) {
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
  // kDims dimensions of kLanes rows; load(row, half) gives kLanes of them.
  template <typename Load>
  static HEARTH_INLINE void pack_square(uint8_t* out, const Load& load) {
    F x[kLanes];
    for (size_t r = 0; r < kLanes; r++) x[r] = V::bits_to_float(VBf16::to_bf16(load(r, 0), load(r, 1)));
    V::transpose(x);
    for (size_t j = 0; j < kLanes; j++) V::store(reinterpret_cast<float*>(out) + j * kStrip, x[j]);
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
    const auto add_pair = [&](size_t p, const F(&low)[D], const F(&high)[D]) HEARTH_INLINE_LAMBDA {
      for (size_t d = 0; d < D; d++) {
        const I pair = _mm512_permutexvar_epi16(interleave, VBf16::to_bf16(low[d], high[d]));
        V::istore(out + (p / 2 * D + d) * sizeof(I), pair);
      }
    };
    const auto load = [&](const uint8_t* row, F(&x)[D]) HEARTH_INLINE_LAMBDA {
      for (size_t d = 0; d < D; d++) x[d] = simd::load_stored<V, Stored>(row, column + d * kLanes, n);
    };
    const Range seen = values.seen;
    size_t p = seen.begin / 2 * 2;
    F low[D], high[D];
    while (p < seen.end) {
      if (p < seen.begin || p + 1 == seen.end) {
        // The weight of a position that no row sees is 0, but what is stored there may be infinite.
        for (size_t d = 0; d < D; d++) low[d] = high[d] = V::zero();
        if (p >= seen.begin) load(values.row(p), low);
        if (p + 1 < seen.end) load(values.row(p + 1), high);
        add_pair(p, low, high);
        p += 2;
        continue;
      }
      const uint8_t* row = values.row(p);
      const uint8_t* ahead = values.ahead(p) + column * Stored::kBytes;
      const size_t block_end = (p / kAttendBlock + 1) * kAttendBlock;
      const size_t end = (block_end < seen.end ? block_end : seen.end) / 2 * 2;
      for (; p < end; p += 2, row += 2 * values.value_bytes, ahead += 2 * values.key_bytes) {
        for (size_t b = 0; b < D * kLanes * Stored::kBytes; b += 64) {
          V::prefetch(ahead + b);
          V::prefetch(ahead + values.key_bytes + b);
        }
        load(row, low);
        load(row + values.value_bytes, high);
        add_pair(p, low, high);
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

using simd::Attention, simd::Int8Keys, simd::StoredQ8_0;

void attend_bf16(const AttendArgs& a) {
  switch (a.dtype) {
    case DType::kF32:
      return simd::FloatAttention<VBf16, simd::WeightF32<VBf16>>::run(a);
    case DType::kF16:
      return Attention<VBf16, Bf16Keys, Bf16Values<StoredF16>>::run(a);
    default:
      return Attention<VBf16, Int8Keys<VBf16>, Bf16Values<StoredQ8_0<VBf16>>>::run(a);
  }
}

}  // namespace

void install_bf16_attention(KernelTable& table) {
  table.attend = attend_bf16;
}

}  // namespace hearth::kernels::avx512
