// The vector type of the templates in simd/ for AVX2 with FMA and F16C: 8 lanes of 32 bits.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/simd/rows.h"

namespace hearth::kernels::avx2 {

struct V {
  static constexpr size_t kLanes = 8;
  using F = __m256;   // 8 floats
  using I = __m256i;  // 8 int32, or 32 bytes: four to a lane

  static constexpr size_t kPanel = 1, kTile = 4, kScoreRows = 4;
  static constexpr size_t kFloatTile = 2, kAttendRows = 6, kAttendVectors = 2;

  // --- floats ---
  static F zero() { return _mm256_setzero_ps(); }
  static F set1(float x) { return _mm256_set1_ps(x); }
  static F load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, F x) { _mm256_storeu_ps(p, x); }
  static I first(size_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static F load_n(const float* p, size_t n) { return _mm256_maskload_ps(p, first(n)); }
  static void store_n(float* p, size_t n, F x) { _mm256_maskstore_ps(p, first(n), x); }
  static F add(F a, F b) { return _mm256_add_ps(a, b); }
  static F sub(F a, F b) { return _mm256_sub_ps(a, b); }
  static F mul(F a, F b) { return _mm256_mul_ps(a, b); }
  static F div(F a, F b) { return _mm256_div_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
  static F max(F a, F b) { return _mm256_max_ps(a, b); }
  static F min(F a, F b) { return _mm256_min_ps(a, b); }
  static F sign_mask() { return _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(0x80000000))); }
  static F abs(F a) { return _mm256_andnot_ps(sign_mask(), a); }
  // sign of `a` on the magnitude of `b`
  static F copysign(F b, F a) {
    return _mm256_or_ps(_mm256_and_ps(sign_mask(), a), _mm256_andnot_ps(sign_mask(), b));
  }
  static F less_select(F a, F b, F yes, F no) {
    return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
  }
  static float reduce_add(F a) {
    __m128 y = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    y = _mm_add_ps(y, _mm_movehl_ps(y, y));
    return _mm_cvtss_f32(_mm_add_ss(y, _mm_movehdup_ps(y)));
  }
  static float reduce_max(F a) {
    __m128 y = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    y = _mm_max_ps(y, _mm_movehl_ps(y, y));
    return _mm_cvtss_f32(_mm_max_ss(y, _mm_movehdup_ps(y)));
  }
  // Even and odd lanes exchanged; and a negated in its even lanes.
  static F swap_pairs(F a) { return _mm256_permute_ps(a, 0xb1); }
  static F negate_even(F a) { return _mm256_xor_ps(a, _mm256_castsi256_ps(_mm256_set1_epi64x(0x80000000))); }
  // p[0] p[0] p[1] p[1] …
  static F load_twice(const float* p) {
    const __m256 x = _mm256_castps128_ps256(_mm_loadu_ps(p));
    return _mm256_permutevar8x32_ps(x, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
  }

  // Lane c of vector r goes to lane r of vector c.
  static void transpose(F (&x)[kLanes]) {
    F pairs[kLanes], quads[kLanes];
    for (size_t i = 0; i < kLanes; i += 2) {
      pairs[i] = _mm256_unpacklo_ps(x[i], x[i + 1]);
      pairs[i + 1] = _mm256_unpackhi_ps(x[i], x[i + 1]);
    }
    for (size_t i = 0; i < kLanes; i += 4) {
      quads[i] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
      quads[i + 1] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0xee);
      quads[i + 2] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
      quads[i + 3] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xee);
    }
    for (size_t j = 0; j < 4; j++) {
      x[j] = _mm256_permute2f128_ps(quads[j], quads[4 + j], 0x20);
      x[4 + j] = _mm256_permute2f128_ps(quads[j], quads[4 + j], 0x31);
    }
  }

  // --- conversions ---
  static F to_float(I a) { return _mm256_cvtepi32_ps(a); }
  static I round(F a) { return _mm256_cvtps_epi32(a); }  // nearest, ties to even
  static F bits_to_float(I a) { return _mm256_castsi256_ps(a); }
  static F load_f16(const uint8_t* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static void store_f16(uint8_t* p, F a) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
  }
  static F load_bf16(const uint8_t* p) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(x), 16));
  }
  static F load_s8(const uint8_t* p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
  }
  static void store_s8(int8_t* p, I a) {
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(words, words));
  }
  static float half(const uint8_t* p) {
    uint16_t bits;
    __builtin_memcpy(&bits, p, sizeof bits);
    return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(bits)));
  }
  static F f16_low(I a) {  // low half of each lane
    const I low = _mm256_and_si256(a, _mm256_set1_epi32(0xffff));
    return _mm256_cvtph_ps(_mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1)));
  }
  static F load_u16_as_f16(const uint16_t* p) { return load_f16(reinterpret_cast<const uint8_t*>(p)); }

  // --- integers and bytes ---
  static I izero() { return _mm256_setzero_si256(); }
  static I iset1(int32_t x) { return _mm256_set1_epi32(x); }
  static I bset1(int x) { return _mm256_set1_epi8(static_cast<char>(x)); }
  static I iload(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static void istore(void* p, I x) { _mm256_storeu_si256(static_cast<__m256i*>(p), x); }
  static I iadd(I a, I b) { return _mm256_add_epi32(a, b); }
  static I isub(I a, I b) { return _mm256_sub_epi32(a, b); }
  static I imul(I a, I b) { return _mm256_mullo_epi32(a, b); }
  static int32_t ireduce_add(I a) {
    __m128i y = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    y = _mm_add_epi32(y, _mm_shuffle_epi32(y, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(y, _mm_shuffle_epi32(y, 0xb1)));
  }
  static I and_(I a, I b) { return _mm256_and_si256(a, b); }
  static I or_(I a, I b) { return _mm256_or_si256(a, b); }
  static I and_or(I a, I mask, I b) { return or_(and_(a, mask), b); }
  template <int k>
  static I shr16(I a) {
    return _mm256_srli_epi16(a, k);
  }
  template <int k>
  static I shl16(I a) {
    return _mm256_slli_epi16(a, k);
  }
  template <int k>
  static I shr32(I a) {
    return _mm256_srli_epi32(a, k);
  }
  template <int k>
  static I shl32(I a) {
    return _mm256_slli_epi32(a, k);
  }
  template <int k>
  static I sar32(I a) {
    return _mm256_srai_epi32(a, k);
  }
  static I mul16(I a, I b) { return _mm256_mullo_epi16(a, b); }
  static I add16(I a, I b) { return _mm256_add_epi16(a, b); }
  static I sub16(I a, I b) { return _mm256_sub_epi16(a, b); }
  // Σ over the two int16 of each lane.
  static I madd16(I a, I b) { return _mm256_madd_epi16(a, b); }
  static I madd16_add(I sum, I a, I b) { return iadd(sum, madd16(a, b)); }
  static I lookup(const int8_t (&table)[16], int offset, I index) {
    const __m128i t = _mm_add_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)),
                                   _mm_set1_epi8(static_cast<char>(offset)));
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(t), index);
  }
  // The int16 pair (byte a, byte b) of each lane, bytes unsigned.
  template <int a, int b>
  static I byte_pair(I x) {
    constexpr int k = a | 0x8000 | b << 16 | static_cast<int>(0x80000000);
    const __m128i control = _mm_setr_epi32(k, k + 0x40004, k + 0x80008, k + 0xc000c);
    return _mm256_shuffle_epi8(x, _mm256_broadcastsi128_si256(control));
  }
  // Byte b of each lane: 0x10 if bit 4c + b of the lane is set.
  template <int c>
  static I bits_to_0x10(I a) {
    constexpr int byte = c / 2;
    constexpr int one = 0x01010101;
    const I spread = _mm256_broadcastsi128_si256(
        _mm_setr_epi32(byte * one, (byte + 4) * one, (byte + 8) * one, (byte + 12) * one));
    const I mask = _mm256_set1_epi32(c % 2 == 0 ? 0x08040201 : static_cast<int>(0x80402010));
    const I picked = _mm256_and_si256(_mm256_shuffle_epi8(a, spread), mask);
    return _mm256_and_si256(_mm256_cmpeq_epi8(picked, mask), bset1(0x10));
  }

  // --- the dot product ---
  static constexpr bool kSignedWide = true;  // weights above 127 are kept as signed bytes
  static I wide_from_signed(I a) { return a; }
  static I wide_from_unsigned(I a) { return _mm256_xor_si256(a, bset1(0x80)); }
  static I high_nibble(I a) { return and_(shr16<4>(a), bset1(15)); }

  static I broadcast4(const int8_t* p) {
    int32_t x;
    __builtin_memcpy(&x, p, sizeof x);
    return _mm256_set1_epi32(x);
  }
  // kMax: the largest weight; above 127 weights are signed. kSteps: how many there will be. A product of byte
  // pairs is at most kMax · 127 · 2; as many as surely fit are added in int16 before they widen.
  template <int kMax, int kSteps>
  struct Dot {
    static constexpr int fit(int steps) {
      return kMax > 127 ? 1 : steps * kMax * 254 <= 32767 ? steps : fit(steps / 2);
    }
    static constexpr int kRun = fit(kSteps);
    I sum, words;
    void start(I init) { sum = init; }
    template <int c>
    void step(I w, I x) {
      I product;
      if constexpr (kMax > 127) {
        product = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
      } else {
        product = _mm256_maddubs_epi16(w, x);
      }
      if constexpr (c % kRun == 0) {
        words = product;
      } else {
        words = add16(words, product);
      }
      if constexpr (c % kRun == kRun - 1) sum = iadd(sum, madd16(words, _mm256_set1_epi16(1)));
    }
    I finish() const { return sum; }
  };

  // --- rows ---
  // Bytes [offset, offset + 16) of 8 rows: out[j] has, in lane r, bytes 4j … 4j+3 of row r.
  static void load16(const Rows<kLanes>& rows, size_t offset, I out[4]) {
    I a[4];
    for (size_t i = 0; i < 4; i++) {
      const size_t at = i * rows.stride + offset;
      a[i] = _mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(rows.quad[0] + at)));
      a[i] = _mm256_inserti128_si256(a[i],
                                     _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows.quad[1] + at)), 1);
    }
    const I t0 = _mm256_unpacklo_epi32(a[0], a[1]), t1 = _mm256_unpackhi_epi32(a[0], a[1]);
    const I t2 = _mm256_unpacklo_epi32(a[2], a[3]), t3 = _mm256_unpackhi_epi32(a[2], a[3]);
    out[0] = _mm256_unpacklo_epi64(t0, t2);
    out[1] = _mm256_unpackhi_epi64(t0, t2);
    out[2] = _mm256_unpacklo_epi64(t1, t3);
    out[3] = _mm256_unpackhi_epi64(t1, t3);
  }
  // Into the second cache. Inlined by force: GCC takes a function that only prefetches for one without
  // effects and drops its calls.
  static __attribute__((always_inline)) void prefetch(const uint8_t* p) {
    _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T1);
  }
};

}  // namespace hearth::kernels::avx2
