// Exact conversions between float32 and the 16-bit formats, in integer arithmetic: no result depends on a
// compiler flag, the rounding mode or flush-to-zero. `static`, so that every object that includes this keeps
// its own copy, compiled for its own instruction set.
#pragma once

#include <cstdint>
#include <cstring>

namespace hearth::kernels {

static inline float float_from_bits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

static inline uint32_t bits_of(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

static inline uint16_t load_u16(const void* from) {
  uint16_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

static inline float f16_to_f32(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  uint32_t exponent = (half >> 10) & 31;
  uint32_t mantissa = half & 0x3ff;
  if (exponent == 31) {  // infinity, or a NaN made quiet
    return float_from_bits(sign | 0x7f800000 | (mantissa << 13) | (mantissa != 0 ? 0x400000u : 0));
  }
  if (exponent == 0) {
    if (mantissa == 0) return float_from_bits(sign);
    exponent = 1;  // subnormal: every one is a normal float32
    while ((mantissa & 0x400) == 0) {
      mantissa <<= 1;
      exponent--;  // may pass below zero; the sum with the bias wraps back
    }
    mantissa &= 0x3ff;
  }
  return float_from_bits(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

// Rounds to nearest, ties to even.
static inline uint16_t f32_to_f16(float value) {
  const uint32_t bits = bits_of(value);
  const uint32_t sign = (bits >> 16) & 0x8000;
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return static_cast<uint16_t>(sign | 0x7e00 | ((magnitude >> 13) & 0x3ff));
  if (magnitude >= 0x477ff000) return static_cast<uint16_t>(sign | 0x7c00);  // rounds past 65504
  if (magnitude >= 0x38800000) {                                             // normal
    const uint32_t rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
    return static_cast<uint16_t>(sign | ((rounded - 0x38000000) >> 13));
  }
  if (magnitude < 0x33000000) return static_cast<uint16_t>(sign);  // below half of the least subnormal
  const uint32_t shift = 126 - (magnitude >> 23);                  // 14 … 24
  const uint32_t mantissa = (magnitude & 0x7fffff) | 0x800000;
  const uint32_t half = uint32_t{1} << (shift - 1);
  const uint32_t rounded = mantissa + half - 1 + ((mantissa >> shift) & 1);
  return static_cast<uint16_t>(sign | (rounded >> shift));
}

static inline float bf16_to_f32(uint16_t value) {
  return float_from_bits(static_cast<uint32_t>(value) << 16);
}

// Rounds to nearest, ties to even.
static inline uint16_t f32_to_bf16(float value) {
  const uint32_t bits = bits_of(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>((bits >> 16) | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

static inline float load_f16(const void* from) {
  return f16_to_f32(load_u16(from));
}

// 2^(e-128) for e in [0, 255]: the scale of an MXFP4 block whose levels are doubled. Subnormal for e < 2.
static inline float mxfp4_scale(uint8_t e) {
  return float_from_bits(e < 2 ? 0x00200000u << e : (static_cast<uint32_t>(e) - 1) << 23);
}

}  // namespace hearth::kernels
