// exp and tanh of a vector, and long sums. Relative error about 1e-7 over the whole range.
#pragma once

#include "kernels/simd/unroll.h"

namespace hearth::kernels::simd {

// Below -87.3 (where float32 leaves its normal range) the result is 0, above 88.3 it stays at exp(88.3).
// x = n ln 2 + r with |r| <= ln 2 / 2; a polynomial for exp(r), n added to the exponent.
template <typename V>
HEARTH_INLINE typename V::F exp(typename V::F x) {
  const auto lowest = V::set1(-87.3f);
  const auto clamped = V::min(V::max(x, lowest), V::set1(88.3f));
  const auto n = V::round(V::mul(clamped, V::set1(1.44269504088896341f)));
  const auto n_float = V::to_float(n);
  auto r = V::fma(n_float, V::set1(-0.693359375f), clamped);  // ln 2 in two parts: the first has few bits
  r = V::fma(n_float, V::set1(2.12194440e-4f), r);
  auto p = V::set1(1.9875691500e-4f);
  p = V::fma(p, r, V::set1(1.3981999507e-3f));
  p = V::fma(p, r, V::set1(8.3334519073e-3f));
  p = V::fma(p, r, V::set1(4.1665795894e-2f));
  p = V::fma(p, r, V::set1(1.6666665459e-1f));
  p = V::fma(p, r, V::set1(5.0000001201e-1f));
  p = V::add(V::fma(p, V::mul(r, r), r), V::set1(1.0f));
  const auto power = V::bits_to_float(V::template shl32<23>(V::iadd(n, V::iset1(127))));
  return V::less_select(x, lowest, V::zero(), V::mul(p, power));
}

// 1 / (1 + exp(-x))
template <typename V>
HEARTH_INLINE typename V::F sigmoid(typename V::F x) {
  const auto one = V::set1(1.0f);
  return V::div(one, V::add(one, exp<V>(V::sub(V::zero(), x))));
}

// A polynomial near 0, where 1 - 2 / (exp(2x) + 1) would cancel.
template <typename V>
HEARTH_INLINE typename V::F tanh(typename V::F x) {
  const auto magnitude = V::abs(x);
  const auto z = V::mul(x, x);
  auto p = V::set1(-5.70498872745e-3f);
  p = V::fma(p, z, V::set1(2.06390887954e-2f));
  p = V::fma(p, z, V::set1(-5.37397155531e-2f));
  p = V::fma(p, z, V::set1(1.33314422036e-1f));
  p = V::fma(p, z, V::set1(-3.33332819422e-1f));
  const auto near = V::fma(V::mul(p, z), x, x);
  const auto one = V::set1(1.0f);
  const auto e = exp<V>(V::add(magnitude, magnitude));
  const auto far = V::sub(one, V::div(V::set1(2.0f), V::add(e, one)));
  return V::less_select(magnitude, V::set1(0.625f), near, V::copysign(far, x));
}

// Σ f(i, n), where f gives n values from i on as a vector whose other lanes are zero. Vectors are added in
// float within stretches of kStretch values, the stretches in double.
template <typename V, typename Values>
HEARTH_INLINE double sum(size_t n, const Values& f) {
  constexpr size_t kLanes = V::kLanes, kStretch = 64 * kLanes;
  double total = 0;
  size_t i = 0;
  while (i < n) {
    const size_t stop = n - i < kStretch ? n : i + kStretch;
    typename V::F acc[4] = {V::zero(), V::zero(), V::zero(), V::zero()};
    for (; i + 4 * kLanes <= stop; i += 4 * kLanes) {
      for (size_t k = 0; k < 4; k++) acc[k] = V::add(acc[k], f(i + k * kLanes, kLanes));
    }
    for (; i < stop; i += kLanes) acc[0] = V::add(acc[0], f(i, stop - i < kLanes ? stop - i : kLanes));
    total += static_cast<double>(V::reduce_add(V::add(V::add(acc[0], acc[1]), V::add(acc[2], acc[3]))));
    i = stop;
  }
  return total;
}

// f(i, n) for runs of kLanes, and one shorter.
template <typename V, typename Body>
HEARTH_INLINE void for_vectors(size_t n, const Body& f) {
  size_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes) f(i, V::kLanes);
  if (i < n) f(i, n - i);
}

template <typename V>
HEARTH_INLINE typename V::F load_up_to(const float* p, size_t n) {
  return n == V::kLanes ? V::load(p) : V::load_n(p, n);
}

template <typename V>
HEARTH_INLINE void store_up_to(float* p, size_t n, typename V::F x) {
  if (n == V::kLanes) {
    V::store(p, x);
  } else {
    V::store_n(p, n, x);
  }
}

}  // namespace hearth::kernels::simd
