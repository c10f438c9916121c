// Four floats at a time, with the compiler's vector types: the same instructions on every processor of an
// architecture, and the same sums on all of them, so that a file quantised twice has the same bytes.
#pragma once

#include <cstdint>
#include <cstring>

namespace hearth::convert {

using Lanes = float __attribute__((vector_size(16)));
using LaneBits = int32_t __attribute__((vector_size(16)));

inline Lanes all_lanes(float value) {
  return Lanes{value, value, value, value};
}

inline Lanes load_lanes(const float* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

inline void store_lanes(Lanes lanes, float* to) {
  std::memcpy(to, &lanes, sizeof lanes);
}

inline float sum_of(Lanes v) {
  return (v[0] + v[2]) + (v[1] + v[3]);
}

// `value` where the mask is all ones, 0 elsewhere.
inline Lanes where(LaneBits mask, Lanes value) {
  LaneBits bits;
  std::memcpy(&bits, &value, sizeof bits);
  bits &= mask;
  std::memcpy(&value, &bits, sizeof bits);
  return value;
}

inline Lanes at_least(Lanes v, float low) {
  const Lanes limit = all_lanes(low);
  return v > limit ? v : limit;
}

inline Lanes at_most(Lanes v, float high) {
  const Lanes limit = all_lanes(high);
  return v < limit ? v : limit;
}

// To the nearest whole number, ties to even, for magnitudes below 2^22: the addition leaves no bits for a
// fraction.
inline Lanes round_lanes(Lanes v) {
  const Lanes shift = all_lanes(12582912.0f);  // 1.5 · 2^23
  return (v + shift) - shift;
}

}  // namespace hearth::convert
