// The vector type of the templates in simd/ for Armv8.2 with the dot product instructions: 4 lanes of 32
// bits.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#include "kernels/simd/rows.h"

namespace hearth::kernels::neon {

struct V {
  static constexpr size_t kLanes = 4;
  using F = float32x4_t;
  using I = uint8x16_t;  // 16 bytes, or 4 int32: four bytes to a lane

  static constexpr size_t kPanel = 2, kTile = 4, kScoreRows = 4;
  static constexpr size_t kFloatTile = 4, kAttendRows = 6, kAttendVectors = 4;

  static int32x4_t s32(I a) { return vreinterpretq_s32_u8(a); }
  static uint32x4_t u32(I a) { return vreinterpretq_u32_u8(a); }
  static uint16x8_t u16(I a) { return vreinterpretq_u16_u8(a); }
  static I from(int32x4_t a) { return vreinterpretq_u8_s32(a); }
  static I from(uint32x4_t a) { return vreinterpretq_u8_u32(a); }
  static I from(uint16x8_t a) { return vreinterpretq_u8_u16(a); }

  // --- floats ---
  static F zero() { return vdupq_n_f32(0); }
  static F set1(float x) { return vdupq_n_f32(x); }
  static F load(const float* p) {
    return vreinterpretq_f32_u8(vld1q_u8(reinterpret_cast<const uint8_t*>(p)));
  }
  static void store(float* p, F x) { vst1q_u8(reinterpret_cast<uint8_t*>(p), vreinterpretq_u8_f32(x)); }
  static F load_n(const float* p, size_t n) {
    float lanes[4] = {};
    __builtin_memcpy(lanes, p, n * sizeof(float));
    return vld1q_f32(lanes);
  }
  static void store_n(float* p, size_t n, F x) {
    float lanes[4];
    vst1q_f32(lanes, x);
    __builtin_memcpy(p, lanes, n * sizeof(float));
  }
  static F add(F a, F b) { return vaddq_f32(a, b); }
  static F sub(F a, F b) { return vsubq_f32(a, b); }
  static F mul(F a, F b) { return vmulq_f32(a, b); }
  static F div(F a, F b) { return vdivq_f32(a, b); }
  static F fma(F a, F b, F c) { return vfmaq_f32(c, a, b); }
  static F max(F a, F b) { return vmaxnmq_f32(a, b); }  // the number, if one is a NaN
  static F min(F a, F b) { return vminnmq_f32(a, b); }
  static F abs(F a) { return vabsq_f32(a); }
  // sign of `a` on the magnitude of `b`
  static F copysign(F b, F a) { return vbslq_f32(vdupq_n_u32(0x80000000), a, b); }
  static F less_select(F a, F b, F yes, F no) { return vbslq_f32(vcltq_f32(a, b), yes, no); }
  static float reduce_add(F a) { return vaddvq_f32(a); }
  static float reduce_max(F a) { return vmaxnmvq_f32(a); }
  // Even and odd lanes exchanged; and a negated in its even lanes.
  static F swap_pairs(F a) { return vrev64q_f32(a); }
  static F negate_even(F a) {
    const uint64x2_t sign = vdupq_n_u64(0x80000000);
    return vreinterpretq_f32_u64(veorq_u64(vreinterpretq_u64_f32(a), sign));
  }
  // p[0] p[0] p[1] p[1]
  static F load_twice(const float* p) {
    const float32x2_t x = vreinterpret_f32_u8(vld1_u8(reinterpret_cast<const uint8_t*>(p)));
    return vcombine_f32(vdup_lane_f32(x, 0), vdup_lane_f32(x, 1));
  }

  // Lane c of vector r goes to lane r of vector c.
  static void transpose(F (&x)[kLanes]) {
    const float64x2_t t0 = vreinterpretq_f64_f32(vtrn1q_f32(x[0], x[1]));
    const float64x2_t t1 = vreinterpretq_f64_f32(vtrn2q_f32(x[0], x[1]));
    const float64x2_t t2 = vreinterpretq_f64_f32(vtrn1q_f32(x[2], x[3]));
    const float64x2_t t3 = vreinterpretq_f64_f32(vtrn2q_f32(x[2], x[3]));
    x[0] = vreinterpretq_f32_f64(vtrn1q_f64(t0, t2));
    x[1] = vreinterpretq_f32_f64(vtrn1q_f64(t1, t3));
    x[2] = vreinterpretq_f32_f64(vtrn2q_f64(t0, t2));
    x[3] = vreinterpretq_f32_f64(vtrn2q_f64(t1, t3));
  }

  // --- conversions ---
  static F to_float(I a) { return vcvtq_f32_s32(s32(a)); }
  static I round(F a) { return from(vcvtnq_s32_f32(a)); }  // nearest, ties to even
  static F bits_to_float(I a) { return vreinterpretq_f32_u8(a); }
  static F load_f16(const uint8_t* p) { return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p))); }
  static void store_f16(uint8_t* p, F a) { vst1_u8(p, vreinterpret_u8_f16(vcvt_f16_f32(a))); }
  static F load_bf16(const uint8_t* p) {
    return vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_u8(vld1_u8(p)), 16));
  }
  static F load_s8(const uint8_t* p) {
    uint32_t four;
    __builtin_memcpy(&four, p, sizeof four);
    const int8x8_t bytes = vreinterpret_s8_u32(vdup_n_u32(four));
    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(bytes))));
  }
  static void store_s8(int8_t* p, I a) {
    const int16x4_t words = vqmovn_s32(s32(a));
    const uint32_t four = vget_lane_u32(vreinterpret_u32_s8(vqmovn_s16(vcombine_s16(words, words))), 0);
    __builtin_memcpy(p, &four, sizeof four);
  }
  static float half(const uint8_t* p) {
    uint16_t bits;
    __builtin_memcpy(&bits, p, sizeof bits);
    return vgetq_lane_f32(vcvt_f32_f16(vreinterpret_f16_u16(vdup_n_u16(bits))), 0);
  }
  static F f16_low(I a) {
    return vcvt_f32_f16(vreinterpret_f16_u16(vmovn_u32(u32(a))));
  }  // low half of each lane
  static F load_u16_as_f16(const uint16_t* p) { return load_f16(reinterpret_cast<const uint8_t*>(p)); }

  // --- integers and bytes ---
  static I izero() { return vdupq_n_u8(0); }
  static I iset1(int32_t x) { return from(vdupq_n_s32(x)); }
  static I bset1(int x) { return vdupq_n_u8(static_cast<uint8_t>(x)); }
  static I iload(const void* p) { return vld1q_u8(static_cast<const uint8_t*>(p)); }
  static void istore(void* p, I x) { vst1q_u8(static_cast<uint8_t*>(p), x); }
  static I iadd(I a, I b) { return from(vaddq_s32(s32(a), s32(b))); }
  static I isub(I a, I b) { return from(vsubq_s32(s32(a), s32(b))); }
  static I imul(I a, I b) { return from(vmulq_s32(s32(a), s32(b))); }
  static int32_t ireduce_add(I a) { return vaddvq_s32(s32(a)); }
  static I and_(I a, I b) { return vandq_u8(a, b); }
  static I or_(I a, I b) { return vorrq_u8(a, b); }
  static I and_or(I a, I mask, I b) { return vorrq_u8(vandq_u8(a, mask), b); }
  template <int k>
  static I shr16(I a) {
    return from(vshrq_n_u16(u16(a), k));
  }
  template <int k>
  static I shl16(I a) {
    return from(vshlq_n_u16(u16(a), k));
  }
  template <int k>
  static I shr32(I a) {
    return from(vshrq_n_u32(u32(a), k));
  }
  template <int k>
  static I shl32(I a) {
    return from(vshlq_n_u32(u32(a), k));
  }
  template <int k>
  static I sar32(I a) {
    return from(vshrq_n_s32(s32(a), k));
  }
  static I mul16(I a, I b) { return from(vmulq_u16(u16(a), u16(b))); }
  static I add16(I a, I b) { return from(vaddq_u16(u16(a), u16(b))); }
  static I sub16(I a, I b) { return from(vsubq_u16(u16(a), u16(b))); }
  // Σ over the two int16 of each lane.
  static I madd16(I a, I b) {
    const int16x8_t x = vreinterpretq_s16_u8(a), y = vreinterpretq_s16_u8(b);
    return from(vpaddq_s32(vmull_s16(vget_low_s16(x), vget_low_s16(y)), vmull_high_s16(x, y)));
  }
  static I madd16_add(I sum, I a, I b) { return iadd(sum, madd16(a, b)); }
  static I lookup(const int8_t (&table)[16], int offset, I index) {
    return vqtbl1q_u8(vaddq_u8(vreinterpretq_u8_s8(vld1q_s8(table)), bset1(offset)), index);
  }
  // The int16 pair (byte a, byte b) of each lane, bytes unsigned.
  template <int a, int b>
  static I byte_pair(I x) {
    constexpr uint32_t k = static_cast<uint32_t>(a | b << 16) | 0xff00ff00;  // out of range reads as 0
    const uint32_t control[4] = {k, k + 0x40004, k + 0x80008, k + 0xc000c};
    return vqtbl1q_u8(x, from(vld1q_u32(control)));
  }
  // Byte b of each lane: 0x10 if bit 4c + b of the lane is set.
  template <int c>
  static I bits_to_0x10(I a) {
    constexpr uint32_t byte = static_cast<uint32_t>(c / 2) * 0x01010101;
    const uint32_t spread[4] = {byte, byte + 0x04040404, byte + 0x08080808, byte + 0x0c0c0c0c};
    const I mask = from(vdupq_n_u32(c % 2 == 0 ? 0x08040201 : 0x80402010));
    return vandq_u8(vtstq_u8(vqtbl1q_u8(a, from(vld1q_u32(spread))), mask), bset1(0x10));
  }

  // --- the dot product: signed by signed ---
  static constexpr bool kSignedWide = true;  // weights above 127 are kept as signed bytes
  static I wide_from_signed(I a) { return a; }
  static I wide_from_unsigned(I a) { return veorq_u8(a, bset1(0x80)); }
  static I high_nibble(I a) { return vshrq_n_u8(a, 4); }

  static I broadcast4(const int8_t* p) {
    int32_t x;
    __builtin_memcpy(&x, p, sizeof x);
    return iset1(x);
  }
  // The dot product of one group of columns: start, step c = 0 … kSteps - 1, finish.
  template <int kMax, int kSteps>
  struct Dot {
    I sum;
    void start(I init) { sum = init; }
    template <int c>
    void step(I w, I x) {
      sum = from(vdotq_s32(s32(sum), vreinterpretq_s8_u8(w), vreinterpretq_s8_u8(x)));
    }
    I finish() const { return sum; }
  };

  // --- rows ---
  // Bytes [offset, offset + 16) of 4 rows: out[j] has, in lane r, bytes 4j … 4j+3 of row r.
  static void load16(const Rows<kLanes>& rows, size_t offset, I out[4]) {
    uint32x4_t a[4];
    for (size_t i = 0; i < 4; i++) a[i] = u32(vld1q_u8(rows.quad[0] + i * rows.stride + offset));
    const uint64x2_t t0 = vreinterpretq_u64_u32(vtrn1q_u32(a[0], a[1]));
    const uint64x2_t t1 = vreinterpretq_u64_u32(vtrn2q_u32(a[0], a[1]));
    const uint64x2_t t2 = vreinterpretq_u64_u32(vtrn1q_u32(a[2], a[3]));
    const uint64x2_t t3 = vreinterpretq_u64_u32(vtrn2q_u32(a[2], a[3]));
    out[0] = vreinterpretq_u8_u64(vtrn1q_u64(t0, t2));
    out[1] = vreinterpretq_u8_u64(vtrn1q_u64(t1, t3));
    out[2] = vreinterpretq_u8_u64(vtrn2q_u64(t0, t2));
    out[3] = vreinterpretq_u8_u64(vtrn2q_u64(t1, t3));
  }
  // Into the second cache; see avx512/vec.h for why it is inlined by force.
  static __attribute__((always_inline)) void prefetch(const uint8_t* p) { __builtin_prefetch(p, 0, 2); }
};

}  // namespace hearth::kernels::neon
