// The vector type of the templates in simd/ for AVX-512 with VNNI and VBMI: 16 lanes of 32 bits.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/simd/rows.h"

namespace hearth::kernels::avx512 {

struct V {
  static constexpr size_t kLanes = 16;
  using F = __m512;   // 16 floats
  using I = __m512i;  // 16 int32, or 64 bytes: four to a lane

  // Register tiles: matmul panel of kPanel vectors of rows by kTile tokens; attention rows, with int8 scores
  // kScoreRows.
  static constexpr size_t kPanel = 2, kTile = 5, kScoreRows = 6;
  static constexpr size_t kFloatTile = 6, kAttendRows = 6, kAttendVectors = 4;

  // --- floats ---
  static F zero() { return _mm512_setzero_ps(); }
  static F set1(float x) { return _mm512_set1_ps(x); }
  static F load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, F x) { _mm512_storeu_ps(p, x); }
  static __mmask16 first(size_t n) { return static_cast<__mmask16>((1u << n) - 1); }
  static F load_n(const float* p, size_t n) { return _mm512_maskz_loadu_ps(first(n), p); }
  static void store_n(float* p, size_t n, F x) { _mm512_mask_storeu_ps(p, first(n), x); }
  static F add(F a, F b) { return _mm512_add_ps(a, b); }
  static F sub(F a, F b) { return _mm512_sub_ps(a, b); }
  static F mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static F div(F a, F b) { return _mm512_div_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  static F max(F a, F b) { return _mm512_max_ps(a, b); }
  static F min(F a, F b) { return _mm512_min_ps(a, b); }
  static F abs(F a) { return _mm512_abs_ps(a); }
  // sign of `a` on the magnitude of `b`
  static F copysign(F b, F a) {
    const I sign = _mm512_set1_epi32(static_cast<int>(0x80000000));
    return _mm512_castsi512_ps(
        _mm512_ternarylogic_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b), sign, 0xe4));
  }
  static F less_select(F a, F b, F yes, F no) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes);
  }
  static float reduce_add(F a) {
    __m256 x = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    __m128 y = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    y = _mm_add_ps(y, _mm_movehl_ps(y, y));
    return _mm_cvtss_f32(_mm_add_ss(y, _mm_movehdup_ps(y)));
  }
  static float reduce_max(F a) { return _mm512_reduce_max_ps(a); }
  // Even and odd lanes exchanged; and a negated in its even lanes.
  static F swap_pairs(F a) { return _mm512_permute_ps(a, 0xb1); }
  static F negate_even(F a) { return _mm512_xor_ps(a, _mm512_castsi512_ps(_mm512_set1_epi64(0x80000000))); }
  // p[0] p[0] p[1] p[1] …
  static F load_twice(const float* p) {
    const I index = _mm512_set_epi32(7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0);
    return _mm512_permutexvar_ps(index, _mm512_castps256_ps512(_mm256_loadu_ps(p)));
  }

  // Lane c of vector r goes to lane r of vector c.
  static void transpose(F (&x)[kLanes]) {
    F pairs[kLanes], quads[kLanes];
    for (size_t i = 0; i < kLanes; i += 2) {
      pairs[i] = _mm512_unpacklo_ps(x[i], x[i + 1]);
      pairs[i + 1] = _mm512_unpackhi_ps(x[i], x[i + 1]);
    }
    const auto unpack = [](F a, F b, bool high) __attribute__((always_inline)) {
      const __m512d c = _mm512_castps_pd(a), d = _mm512_castps_pd(b);
      return _mm512_castpd_ps(high ? _mm512_unpackhi_pd(c, d) : _mm512_unpacklo_pd(c, d));
    };
    // quads[4k + j]: in 128-bit part g, column 4g + j of rows 4k … 4k+3.
    for (size_t i = 0; i < kLanes; i += 4) {
      quads[i] = unpack(pairs[i], pairs[i + 2], false);
      quads[i + 1] = unpack(pairs[i], pairs[i + 2], true);
      quads[i + 2] = unpack(pairs[i + 1], pairs[i + 3], false);
      quads[i + 3] = unpack(pairs[i + 1], pairs[i + 3], true);
    }
    for (size_t j = 0; j < 4; j++) {
      const F even_low = _mm512_shuffle_f32x4(quads[j], quads[4 + j], 0x88);
      const F odd_low = _mm512_shuffle_f32x4(quads[j], quads[4 + j], 0xdd);
      const F even_high = _mm512_shuffle_f32x4(quads[8 + j], quads[12 + j], 0x88);
      const F odd_high = _mm512_shuffle_f32x4(quads[8 + j], quads[12 + j], 0xdd);
      x[j] = _mm512_shuffle_f32x4(even_low, even_high, 0x88);
      x[8 + j] = _mm512_shuffle_f32x4(even_low, even_high, 0xdd);
      x[4 + j] = _mm512_shuffle_f32x4(odd_low, odd_high, 0x88);
      x[12 + j] = _mm512_shuffle_f32x4(odd_low, odd_high, 0xdd);
    }
  }

  // --- conversions ---
  static F to_float(I a) { return _mm512_cvtepi32_ps(a); }
  static I round(F a) { return _mm512_cvtps_epi32(a); }  // nearest, ties to even
  static F bits_to_float(I a) { return _mm512_castsi512_ps(a); }
  static F load_f16(const uint8_t* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static void store_f16(uint8_t* p, F a) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
  }
  static F load_bf16(const uint8_t* p) {
    const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
  }
  static F load_s8(const uint8_t* p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  static void store_s8(int8_t* p, I a) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtsepi32_epi8(a));
  }
  static float half(const uint8_t* p) {
    uint16_t bits;
    __builtin_memcpy(&bits, p, sizeof bits);
    return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(bits)));
  }
  static F f16_low(I a) { return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(a)); }  // low half of each lane
  static F load_u16_as_f16(const uint16_t* p) { return load_f16(reinterpret_cast<const uint8_t*>(p)); }

  // --- integers and bytes ---
  static I izero() { return _mm512_setzero_si512(); }
  static I iset1(int32_t x) { return _mm512_set1_epi32(x); }
  static I bset1(int x) { return _mm512_set1_epi8(static_cast<char>(x)); }
  static I iload(const void* p) { return _mm512_loadu_si512(p); }
  static void istore(void* p, I x) { _mm512_storeu_si512(p, x); }
  static I iadd(I a, I b) { return _mm512_add_epi32(a, b); }
  static I isub(I a, I b) { return _mm512_sub_epi32(a, b); }
  static I imul(I a, I b) { return _mm512_mullo_epi32(a, b); }
  static int32_t ireduce_add(I a) { return _mm512_reduce_add_epi32(a); }
  static I and_(I a, I b) { return _mm512_and_si512(a, b); }
  static I or_(I a, I b) { return _mm512_or_si512(a, b); }
  static I and_or(I a, I mask, I b) { return _mm512_ternarylogic_epi32(a, mask, b, 0xea); }  // (a & mask) | b
  template <int k>
  static I shr16(I a) {
    return _mm512_srli_epi16(a, k);
  }
  template <int k>
  static I shl16(I a) {
    return _mm512_slli_epi16(a, k);
  }
  template <int k>
  static I shr32(I a) {
    return _mm512_srli_epi32(a, k);
  }
  template <int k>
  static I shl32(I a) {
    return _mm512_slli_epi32(a, k);
  }
  template <int k>
  static I sar32(I a) {
    return _mm512_srai_epi32(a, k);
  }
  static I mul16(I a, I b) { return _mm512_mullo_epi16(a, b); }
  static I add16(I a, I b) { return _mm512_add_epi16(a, b); }
  static I sub16(I a, I b) { return _mm512_sub_epi16(a, b); }
  // Σ over the two int16 of each lane.
  static I madd16(I a, I b) { return _mm512_madd_epi16(a, b); }
  static I madd16_add(I sum, I a, I b) { return _mm512_dpwssd_epi32(sum, a, b); }
  static I lookup(const int8_t (&table)[16], int offset, I index) {
    const __m128i t = _mm_add_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)),
                                   _mm_set1_epi8(static_cast<char>(offset)));
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(t), index);
  }
  // The int16 pair (byte a, byte b) of each lane, bytes unsigned.
  template <int a, int b>
  static I byte_pair(I x) {
    constexpr int k = a | 0x8000 | b << 16 | static_cast<int>(0x80000000);
    const __m128i control = _mm_setr_epi32(k, k + 0x40004, k + 0x80008, k + 0xc000c);
    return _mm512_shuffle_epi8(x, _mm512_broadcast_i32x4(control));
  }
  // Byte b of each lane: 0x10 if bit 4c + b of the lane is set.
  template <int c>
  static I bits_to_0x10(I a) {
    constexpr int k = 4 * c - 4;
    constexpr auto at = [](int bit) { return static_cast<uint64_t>(bit & 63); };
    constexpr uint64_t control = at(k) | at(k + 1) << 8 | at(k + 2) << 16 | at(k + 3) << 24 |
                                 at(k + 32) << 32 | at(k + 33) << 40 | at(k + 34) << 48 | at(k + 35) << 56;
    return _mm512_and_si512(_mm512_multishift_epi64_epi8(_mm512_set1_epi64(static_cast<int64_t>(control)), a),
                            bset1(0x10));
  }

  // --- the dot product: unsigned weights, signed activations ---
  static constexpr bool kSignedWide = false;  // 8-bit weights are stored with 128 added
  static I wide_from_signed(I a) { return _mm512_xor_si512(a, bset1(0x80)); }
  static I wide_from_unsigned(I a) { return a; }
  static I high_nibble(I a) { return and_(shr16<4>(a), bset1(15)); }

  static I broadcast4(const int8_t* p) {
    int32_t x;
    __builtin_memcpy(&x, p, sizeof x);
    return _mm512_set1_epi32(x);
  }
  // The dot product of one group of columns: start, step c = 0 … kSteps - 1, finish. kMax: the largest
  // weight.
  template <int kMax, int kSteps>
  struct Dot {
    I sum;
    void start(I init) { sum = init; }
    template <int c>
    void step(I w, I x) {
      sum = _mm512_dpbusd_epi32(sum, w, x);
    }
    I finish() const { return sum; }
  };

  // --- rows ---
  // Bytes [offset, offset + 16) of 16 rows: out[j] has, in lane r, bytes 4j … 4j+3 of row r.
  static void load16(const Rows<kLanes>& rows, size_t offset, I out[4]) {
    I a[4];
    for (size_t i = 0; i < 4; i++) {
      const size_t at = i * rows.stride + offset;
      const auto part = [&](size_t quad) __attribute__((always_inline)) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows.quad[quad] + at));
      };
      a[i] = _mm512_castsi128_si512(part(0));
      a[i] = _mm512_inserti32x4(a[i], part(1), 1);
      a[i] = _mm512_inserti32x4(a[i], part(2), 2);
      a[i] = _mm512_inserti32x4(a[i], part(3), 3);
    }
    const I t0 = _mm512_unpacklo_epi32(a[0], a[1]), t1 = _mm512_unpackhi_epi32(a[0], a[1]);
    const I t2 = _mm512_unpacklo_epi32(a[2], a[3]), t3 = _mm512_unpackhi_epi32(a[2], a[3]);
    out[0] = _mm512_unpacklo_epi64(t0, t2);
    out[1] = _mm512_unpackhi_epi64(t0, t2);
    out[2] = _mm512_unpacklo_epi64(t1, t3);
    out[3] = _mm512_unpackhi_epi64(t1, t3);
  }
  // Into the second cache. Inlined by force: GCC takes a function that only prefetches for one without
  // effects and drops its calls.
  static __attribute__((always_inline)) void prefetch(const uint8_t* p) {
    _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T1);
  }
};

}  // namespace hearth::kernels::avx512
