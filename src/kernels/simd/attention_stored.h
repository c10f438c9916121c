// Stored keys and values as floats.
#pragma once

#include "kernels/simd/elementwise.h"
#include "kernels/simd/matmul_float.h"

namespace hearth::kernels::simd {

// kLanes elements from element i of a stored row; load_n: the n that are left, zeros after.
template <typename V, typename Weight>
struct StoredFloats {
  static constexpr size_t kBytes = Weight::kBytes;
  static HEARTH_INLINE typename V::F load(const uint8_t* row, size_t i) {
    return Weight::load(row + i * Weight::kBytes);
  }
  static HEARTH_INLINE typename V::F load_n(const uint8_t* row, size_t i, size_t n) {
    return load_first<V, Weight>(row + i * Weight::kBytes, n);
  }
};

// Rows are multiples of 32, so there is never a remainder.
template <typename V>
struct StoredQ8_0 {
  static constexpr size_t kBytes = 1;
  static HEARTH_INLINE typename V::F load(const uint8_t* row, size_t i) {
    const uint8_t* block = row + i / 32 * sizeof(BlockQ8_0);
    return V::mul(V::load_s8(block + 2 + i % 32), V::set1(V::half(block)));
  }
  static HEARTH_INLINE typename V::F load_n(const uint8_t* row, size_t i, size_t) { return load(row, i); }
};

template <typename V, typename Stored>
HEARTH_INLINE typename V::F load_stored(const uint8_t* row, size_t i, size_t n) {
  return n == V::kLanes ? Stored::load(row, i) : Stored::load_n(row, i, n);
}

}  // namespace hearth::kernels::simd
