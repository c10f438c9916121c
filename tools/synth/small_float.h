// float32 to the 16-bit formats by integer arithmetic, rounding to nearest even; and half back to float32.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace hearth::synth {

inline uint16_t to_bf16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// For finite values; those beyond the largest half become infinity.
inline uint16_t to_half(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = bits >> 16 & 0x8000;
  const int32_t exponent = static_cast<int32_t>(bits >> 23 & 0xff) - 127;
  const uint32_t significand = (bits & 0x7fffff) | 0x800000;
  if (exponent < -25) return static_cast<uint16_t>(sign);
  // Bits of the significand that a half has no room for: 13, and one more for each step below 2^-14.
  const int32_t dropped = exponent < -14 ? -1 - exponent : 13;
  uint32_t half = significand >> dropped;
  const uint32_t rest = significand & ((1u << dropped) - 1);
  const uint32_t tie = 1u << (dropped - 1);
  if (rest > tie || (rest == tie && (half & 1) != 0)) ++half;
  // A carry out of the significand runs into the exponent, as it should.
  if (exponent >= -14) half += static_cast<uint32_t>(exponent + 14) << 10;
  if (half >= 0x7c00) half = 0x7c00;
  return static_cast<uint16_t>(sign | half);
}

inline float from_half(uint16_t half) {
  const int exponent = half >> 10 & 31;
  const int significand = half & 0x3ff;
  const float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(significand), -24)
                                        : std::ldexp(static_cast<float>(significand | 0x400), exponent - 25);
  return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

}  // namespace hearth::synth
