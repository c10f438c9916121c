// The 16-bit floats of block scales: what a scale becomes when it is stored.
#pragma once

#include <algorithm>
#include <cstring>

#include "kernels/float_bits.h"

namespace hearth::convert {

// The nearest value a half has, the largest ones for what is beyond.
inline float nearest_half(float value) {
  return kernels::f16_to_f32(kernels::f32_to_f16(std::clamp(value, -65504.0f, 65504.0f)));
}

// Stores it and returns what will be read back.
inline float store_half(float value, uint8_t (&to)[2]) {
  const float half = nearest_half(value);
  const uint16_t bits = kernels::f32_to_f16(half);
  std::memcpy(to, &bits, sizeof bits);
  return half;
}

}  // namespace hearth::convert
