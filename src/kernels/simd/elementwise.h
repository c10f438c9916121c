// Norms, rotary embedding, activations, vector arithmetic, and the quantisation of activations and cache
// rows.
#pragma once

#include "kernels/float_bits.h"
#include "kernels/kernels.h"
#include "kernels/quant_blocks.h"
#include "kernels/simd/functions.h"

namespace hearth::kernels::simd {

template <typename V>
struct Elementwise {
  using F = typename V::F;
  static constexpr size_t kLanes = V::kLanes;

  static F load(const float* p, size_t n) { return load_up_to<V>(p, n); }
  static void store(float* p, size_t n, F x) { store_up_to<V>(p, n, x); }

  static void rms_norm(const float* x, const float* weight, size_t n, float eps, float* out) {
    const double squares = sum<V>(n, [&](size_t i, size_t k) HEARTH_INLINE_LAMBDA {
      const F v = load(x + i, k);
      return V::mul(v, v);
    });
    const F factor =
        V::set1(static_cast<float>(1.0 / __builtin_sqrt(squares / static_cast<double>(n) + eps)));
    for_vectors<V>(n, [&](size_t i, size_t k) HEARTH_INLINE_LAMBDA {
      F v = V::mul(load(x + i, k), factor);
      if (weight != nullptr) v = V::mul(v, load(weight + i, k));
      store(out + i, k, v);
    });
  }

  static void layer_norm(const float* x, const float* weight, const float* bias, size_t n, float eps,
                         float* out) {
    const double total = sum<V>(n, [&](size_t i, size_t k) HEARTH_INLINE_LAMBDA { return load(x + i, k); });
    const auto mean_value = static_cast<float>(total / static_cast<double>(n));
    const F mean = V::set1(mean_value);
    // The empty lanes of a short last vector are 0 in both terms.
    float last_mean[kLanes] = {};
    for (size_t i = 0; i < n % kLanes; i++) last_mean[i] = mean_value;
    const double squares = sum<V>(n, [&](size_t i, size_t k) HEARTH_INLINE_LAMBDA {
      const F v = V::sub(load(x + i, k), k == kLanes ? mean : V::load(last_mean));
      return V::mul(v, v);
    });
    const F factor =
        V::set1(static_cast<float>(1.0 / __builtin_sqrt(squares / static_cast<double>(n) + eps)));
    for_vectors<V>(n, [&](size_t i, size_t k) HEARTH_INLINE_LAMBDA {
      F v = V::mul(V::sub(load(x + i, k), mean), factor);
      if (weight != nullptr) v = V::mul(v, load(weight + i, k));
      if (bias != nullptr) v = V::add(v, load(bias + i, k));
      store(out + i, k, v);
    });
  }

  static void rope(const RopeArgs& a) {
    for (size_t h = 0; h < a.n_heads; h++) {
      float* x = a.x + h * a.head_dim;
      if (a.interleaved) {
        rotate_neighbours(x, a);
      } else {
        rotate_halves(x, x + a.head_dim / 2, a);
      }
    }
  }

  static void silu_mul(const float* gate, const float* up, size_t n, float* out) {
    for_vectors<V>(n, [&](size_t i, size_t k) HEARTH_INLINE_LAMBDA {
      const F g = load(gate + i, k);
      store(out + i, k, V::mul(V::mul(g, sigmoid<V>(g)), load(up + i, k)));
    });
  }

  static void gelu_tanh_mul(const float* gate, const float* up, size_t n, float* out) {
    for_vectors<V>(n, [&](size_t i, size_t k) HEARTH_INLINE_LAMBDA {
      store(out + i, k, V::mul(gelu(load(gate + i, k)), load(up + i, k)));
    });
  }

  static void gelu_tanh(float* x, size_t n) {
    for_vectors<V>(n,
                   [&](size_t i, size_t k) HEARTH_INLINE_LAMBDA { store(x + i, k, gelu(load(x + i, k))); });
  }

  static void add(const float* x, size_t n, float* out) {
    for_vectors<V>(n, [&](size_t i, size_t k) HEARTH_INLINE_LAMBDA {
      store(out + i, k, V::add(load(out + i, k), load(x + i, k)));
    });
  }

  static void scaled_add(const float* x, float scale, size_t n, float* out) {
    const F factor = V::set1(scale);
    for_vectors<V>(n, [&](size_t i, size_t k) HEARTH_INLINE_LAMBDA {
      store(out + i, k, V::fma(load(x + i, k), factor, load(out + i, k)));
    });
  }

  static void multiply(float* x, float factor, size_t n) {
    for_vectors<V>(n, [&](size_t i, size_t k)
                          HEARTH_INLINE_LAMBDA { store(x + i, k, V::mul(load(x + i, k), V::set1(factor))); });
  }

  static void softmax(float* x, size_t n) {
    if (n == 0) return;
    const F max = V::set1(max_of(x, n));
    const double total = sum<V>(n, [&](size_t i, size_t k) HEARTH_INLINE_LAMBDA {
      store(x + i, k, exp<V>(V::sub(load(x + i, k), max)));
      return load(x + i, k);
    });
    multiply(x, static_cast<float>(1.0 / total), n);
  }

  static void softcap(float* x, float cap, size_t n) {
    for_vectors<V>(n, [&](size_t i, size_t k) HEARTH_INLINE_LAMBDA {
      const F c = V::set1(cap);
      store(x + i, k, V::mul(c, tanh<V>(V::div(load(x + i, k), c))));
    });
  }

  static void exp_below(const float* x, size_t n, float max, float scale, float* out) {
    for_vectors<V>(n, [&](size_t i, size_t k) HEARTH_INLINE_LAMBDA {
      const F power = V::mul(V::sub(load(x + i, k), V::set1(max)), V::set1(scale));
      store(out + i, k, V::less_select(V::set1(-87.0f), power, exp<V>(power), V::zero()));
    });
  }

  // n > 0
  static float max_of(const float* x, size_t n) {
    F best = V::set1(x[0]);
    for_vectors<V>(n, [&](size_t i, size_t k) HEARTH_INLINE_LAMBDA {
      if (k == kLanes) {
        best = V::max(best, V::load(x + i));
      } else {
        for (size_t j = i; j < i + k; j++) best = V::max(best, V::set1(x[j]));
      }
    });
    return V::reduce_max(best);
  }

  static void quantize_activations(const float* x, size_t n, const QuantizedRows& out) {
    for (size_t g = 0; g < n / kActivationGroup; g++) {
      const float* from = x + g * kActivationGroup;
      const float max = max_magnitude(from);
      const bool zero = max < kSmallestActivation;
      const float inverse = zero ? 0.0f : 127.0f / max;
      out.scale[g] = zero ? 0.0f : max / 127.0f;
      for (size_t half = 0; half < 2; half++) {
        typename V::I sums = V::izero();
        for (size_t i = 16 * half; i < 16 * half + 16; i += kLanes) {
          const auto q = zero ? V::izero() : to_int8(V::load(from + i), V::set1(inverse));
          V::store_s8(out.q + g * kActivationGroup + i, q);
          sums = V::iadd(sums, q);
        }
        out.sum[2 * g + half] = static_cast<int16_t>(V::ireduce_add(sums));
      }
    }
  }

  static void store_row(const float* x, size_t n, DType dtype, void* out) {
    auto* to = static_cast<uint8_t*>(out);
    if (dtype == DType::kF32) {
      __builtin_memcpy(out, x, n * sizeof(float));
    } else if (dtype == DType::kF16) {
      store_f16(x, n, to);
    } else {
      store_q8_0(x, n, to);
    }
  }

 private:
  // x / (1 + exp(-2y)) is x/2 · (1 + tanh y) without its cancellation; y = sqrt(2/π) (x + 0.044715 x³).
  static HEARTH_INLINE F gelu(F x) {
    const F cube = V::mul(V::mul(x, x), x);
    const F y2 = V::mul(V::set1(2 * 0.79788456080286535588f), V::fma(cube, V::set1(0.044715f), x));
    return V::mul(x, sigmoid<V>(y2));
  }

  static void rotate_halves(float* first, float* second, const RopeArgs& a) {
    for_vectors<V>(a.n_pairs, [&](size_t i, size_t k) HEARTH_INLINE_LAMBDA {
      const F u = load(first + i, k), v = load(second + i, k);
      const F cos = load(a.cos + i, k), sin = load(a.sin + i, k);
      store(first + i, k, V::fma(V::sub(V::zero(), v), sin, V::mul(u, cos)));
      store(second + i, k, V::fma(u, sin, V::mul(v, cos)));
    });
  }

  static void rotate_neighbours(float* x, const RopeArgs& a) {
    size_t i = 0;
    for (; i + kLanes / 2 <= a.n_pairs; i += kLanes / 2) {
      const F v = V::load(x + 2 * i);
      const F cos = V::load_twice(a.cos + i), sin = V::load_twice(a.sin + i);
      V::store(x + 2 * i, V::fma(V::swap_pairs(v), V::negate_even(sin), V::mul(v, cos)));
    }
    for (; i < a.n_pairs; i++) {
      const float u = x[2 * i], v = x[2 * i + 1];
      x[2 * i] = u * a.cos[i] - v * a.sin[i];
      x[2 * i + 1] = u * a.sin[i] + v * a.cos[i];
    }
  }

  static HEARTH_INLINE float max_magnitude(const float* x) {
    F best = V::zero();
    for (size_t i = 0; i < 32; i += kLanes) best = V::max(V::abs(V::load(x + i)), best);
    return V::reduce_max(best);
  }

  // Nearest, ties to even, limited to ±127; a NaN becomes -127 (max returns its second operand then).
  static HEARTH_INLINE typename V::I to_int8(F x, F inverse) {
    return V::round(V::min(V::max(V::mul(x, inverse), V::set1(-127.0f)), V::set1(127.0f)));
  }

  static void store_f16(const float* x, size_t n, uint8_t* out) {
    size_t i = 0;
    for (; i + kLanes <= n; i += kLanes) V::store_f16(out + 2 * i, V::load(x + i));
    for (; i < n; i++) {
      const uint16_t half = f32_to_f16(x[i]);
      __builtin_memcpy(out + 2 * i, &half, sizeof half);
    }
  }

  static void store_q8_0(const float* x, size_t n, uint8_t* out) {
    for (size_t b = 0; b < n / 32; b++, x += 32, out += sizeof(BlockQ8_0)) {
      const float scale = max_magnitude(x) / 127.0f;
      const uint16_t half = f32_to_f16(scale < 65504.0f ? scale : 65504.0f);
      const F inverse = V::set1(half != 0 ? 1.0f / f16_to_f32(half) : 0.0f);
      __builtin_memcpy(out, &half, sizeof half);
      for (size_t i = 0; i < 32; i += kLanes) {
        V::store_s8(reinterpret_cast<int8_t*>(out) + 2 + i, to_int8(V::load(x + i), inverse));
      }
    }
  }
};

template <typename V>
void install_elementwise(KernelTable& table) {
  using E = Elementwise<V>;
  table.quantize_activations = E::quantize_activations;
  table.store_row = E::store_row;
  table.rms_norm = E::rms_norm;
  table.layer_norm = E::layer_norm;
  table.rope = E::rope;
  table.silu_mul = E::silu_mul;
  table.gelu_tanh_mul = E::gelu_tanh_mul;
  table.gelu_tanh = E::gelu_tanh;
  table.add = E::add;
  table.scaled_add = E::scaled_add;
  table.multiply = E::multiply;
  table.softmax = E::softmax;
  table.softcap = E::softcap;
  table.exp_below = E::exp_below;
}

}  // namespace hearth::kernels::simd
