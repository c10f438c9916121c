// F32, F16 and BF16 weights times float32 activations.
//
// A vector lane is a column modulo kLanes. Each output has one vector accumulator that walks the columns in
// order and is summed across lanes at the end, so its value does not depend on the tile it was computed in.
#pragma once

#include "kernels/kernels.h"
#include "kernels/simd/unroll.h"

namespace hearth::kernels::simd {

template <typename V>
struct WeightF32 {
  static constexpr DType kDType = DType::kF32;
  static constexpr size_t kBytes = 4;
  static HEARTH_INLINE typename V::F load(const uint8_t* p) {
    return V::load(reinterpret_cast<const float*>(p));
  }
};

template <typename V>
struct WeightF16 {
  static constexpr DType kDType = DType::kF16;
  static constexpr size_t kBytes = 2;
  static HEARTH_INLINE typename V::F load(const uint8_t* p) { return V::load_f16(p); }
};

template <typename V>
struct WeightBF16 {
  static constexpr DType kDType = DType::kBF16;
  static constexpr size_t kBytes = 2;
  static HEARTH_INLINE typename V::F load(const uint8_t* p) { return V::load_bf16(p); }
};

// The first n elements of an array of Weight; the other lanes are zero.
template <typename V, typename Weight>
HEARTH_INLINE typename V::F load_first(const uint8_t* p, size_t n) {
  uint8_t bytes[V::kLanes * Weight::kBytes] = {};
  __builtin_memcpy(bytes, p, n * Weight::kBytes);
  return Weight::load(bytes);
}

template <typename V, typename Weight>
struct FloatMatmul {
  using F = typename V::F;
  static constexpr size_t kLanes = V::kLanes;
  static constexpr size_t kRows = 4;

  static void run(const MatmulArgs& a) {
    size_t r = 0;
    for (; r + kRows <= a.n_out; r += kRows) rows<kRows>(a, r);
    for (; r < a.n_out; r++) rows<1>(a, r);
  }

 private:
  template <size_t R>
  static void rows(const MatmulArgs& a, size_t row) {
    size_t t = 0;
    for (; t + V::kFloatTile <= a.n_tokens; t += V::kFloatTile) tile<R, V::kFloatTile>(a, row, t);
    rest<R, V::kFloatTile - 1>(a, row, t);
  }

  template <size_t R, size_t T>
  static HEARTH_INLINE void rest(const MatmulArgs& a, size_t row, size_t token) {
    if constexpr (T > 0) {
      if (a.n_tokens - token == T) {
        tile<R, T>(a, row, token);
      } else {
        rest<R, T - 1>(a, row, token);
      }
    }
  }

  template <size_t R, size_t T>
  static __attribute__((noinline)) void tile(const MatmulArgs& a, size_t row, size_t token) {
    const uint8_t* weight = static_cast<const uint8_t*>(a.weight) + row * a.weight_row_bytes;
    const float* x = a.x_f32 + token * a.n_in;
    F acc[R][T];
    for (size_t r = 0; r < R; r++) {
      for (size_t t = 0; t < T; t++) acc[r][t] = V::zero();
    }
    size_t i = 0;
    for (; i + kLanes <= a.n_in; i += kLanes) {
      F w[R];
      for (size_t r = 0; r < R; r++) {
        const uint8_t* at = weight + r * a.weight_row_bytes + i * Weight::kBytes;
        if constexpr (T == 1) V::prefetch(at + 1024);
        w[r] = Weight::load(at);
      }
      for (size_t t = 0; t < T; t++) {
        const F xt = V::load(x + t * a.n_in + i);
        for (size_t r = 0; r < R; r++) acc[r][t] = V::fma(w[r], xt, acc[r][t]);
      }
    }
    if (i < a.n_in) {
      const size_t n = a.n_in - i;
      for (size_t r = 0; r < R; r++) {
        const F w = load_first<V, Weight>(weight + r * a.weight_row_bytes + i * Weight::kBytes, n);
        for (size_t t = 0; t < T; t++) acc[r][t] = V::fma(w, V::load_n(x + t * a.n_in + i, n), acc[r][t]);
      }
    }
    for (size_t t = 0; t < T; t++) {
      for (size_t r = 0; r < R; r++) a.out[(token + t) * a.out_stride + row + r] = V::reduce_add(acc[r][t]);
    }
  }
};

template <typename V>
void install_float(KernelTable& table) {
  table.matmul[static_cast<size_t>(DType::kF32)].run = FloatMatmul<V, WeightF32<V>>::run;
  table.matmul[static_cast<size_t>(DType::kF16)].run = FloatMatmul<V, WeightF16<V>>::run;
  table.matmul[static_cast<size_t>(DType::kBF16)].run = FloatMatmul<V, WeightBF16<V>>::run;
}

}  // namespace hearth::kernels::simd
