// Norms, rotary embedding, activations and vector arithmetic.
#include <cmath>

#include "kernels/reference/reference.h"

namespace hearth::kernels::reference {
namespace {

void rms_norm(const float* x, const float* weight, size_t n, float eps, float* out) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += static_cast<double>(x[i]) * x[i];
  const auto factor = static_cast<float>(1.0 / std::sqrt(sum / static_cast<double>(n) + eps));
  for (size_t i = 0; i < n; i++) out[i] = x[i] * factor * (weight != nullptr ? weight[i] : 1.0f);
}

void layer_norm(const float* x, const float* weight, const float* bias, size_t n, float eps, float* out) {
  double sum = 0, squares = 0;
  for (size_t i = 0; i < n; i++) sum += x[i];
  const double mean = sum / static_cast<double>(n);
  for (size_t i = 0; i < n; i++) squares += (x[i] - mean) * (x[i] - mean);
  const double factor = 1.0 / std::sqrt(squares / static_cast<double>(n) + eps);
  for (size_t i = 0; i < n; i++) {
    const double normal = (x[i] - mean) * factor;
    out[i] = static_cast<float>(normal * (weight != nullptr ? weight[i] : 1.0f) +
                                (bias != nullptr ? bias[i] : 0.0f));
  }
}

void rope(const RopeArgs& a) {
  const size_t half = a.head_dim / 2;
  for (size_t h = 0; h < a.n_heads; h++) {
    float* x = a.x + h * a.head_dim;
    for (size_t i = 0; i < a.n_pairs; i++) {
      float& first = a.interleaved ? x[2 * i] : x[i];
      float& second = a.interleaved ? x[2 * i + 1] : x[i + half];
      const float u = first, v = second;
      first = u * a.cos[i] - v * a.sin[i];
      second = u * a.sin[i] + v * a.cos[i];
    }
  }
}

// In double: these functions judge the fast ones.
double silu(double x) {
  return x / (1.0 + std::exp(-x));
}
double gelu(double x) {
  constexpr double kSqrt2OverPi = 0.79788456080286535588;
  return 0.5 * x * (1.0 + std::tanh(kSqrt2OverPi * (x + 0.044715 * x * x * x)));
}

void silu_mul(const float* gate, const float* up, size_t n, float* out) {
  for (size_t i = 0; i < n; i++) out[i] = static_cast<float>(silu(gate[i]) * up[i]);
}

void gelu_tanh_mul(const float* gate, const float* up, size_t n, float* out) {
  for (size_t i = 0; i < n; i++) out[i] = static_cast<float>(gelu(gate[i]) * up[i]);
}

void gelu_tanh(float* x, size_t n) {
  for (size_t i = 0; i < n; i++) x[i] = static_cast<float>(gelu(x[i]));
}

void add(const float* x, size_t n, float* out) {
  for (size_t i = 0; i < n; i++) out[i] += x[i];
}

void scaled_add(const float* x, float scale, size_t n, float* out) {
  for (size_t i = 0; i < n; i++) out[i] += scale * x[i];
}

void multiply(float* x, float factor, size_t n) {
  for (size_t i = 0; i < n; i++) x[i] *= factor;
}

void softmax(float* x, size_t n) {
  if (n == 0) return;
  float max = x[0];
  for (size_t i = 1; i < n; i++) max = x[i] > max ? x[i] : max;
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    x[i] = std::exp(x[i] - max);
    sum += x[i];
  }
  const auto factor = static_cast<float>(1.0 / sum);
  for (size_t i = 0; i < n; i++) x[i] *= factor;
}

void softcap(float* x, float cap, size_t n) {
  for (size_t i = 0; i < n; i++) x[i] = static_cast<float>(cap * std::tanh(static_cast<double>(x[i]) / cap));
}

void exp_below(const float* x, size_t n, float max, float scale, float* out) {
  for (size_t i = 0; i < n; i++) {
    const float power = (x[i] - max) * scale;
    out[i] = power > -87 ? std::exp(power) : 0;
  }
}

}  // namespace

void install_elementwise(KernelTable& table) {
  table.rms_norm = rms_norm;
  table.layer_norm = layer_norm;
  table.rope = rope;
  table.silu_mul = silu_mul;
  table.gelu_tanh_mul = gelu_tanh_mul;
  table.gelu_tanh = gelu_tanh;
  table.add = add;
  table.scaled_add = scaled_add;
  table.multiply = multiply;
  table.softmax = softmax;
  table.softcap = softcap;
  table.exp_below = exp_below;
}

void install(KernelTable& table) {
  table.name = "reference";
  install_matmul(table);
  install_dequantize(table);
  install_elementwise(table);
  table.quantize_activations = quantize_activations;
  table.store_row = store_row;
  table.attend = attend;
  table.merge_attention = merge_attention;
}

}  // namespace hearth::kernels::reference
