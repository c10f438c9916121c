// out = x · weightᵀ, one output at a time.
#include "kernels/reference/groups.h"
#include "kernels/reference/reference.h"

namespace hearth::kernels::reference {
namespace {

float load_weight_f32(const uint8_t* at) {
  float value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
float load_weight_f16(const uint8_t* at) {
  return load_f16(at);
}
float load_weight_bf16(const uint8_t* at) {
  return bf16_to_f32(load_u16(at));
}

template <size_t kBytes, float (*load)(const uint8_t*)>
void matmul_float(const MatmulArgs& a) {
  for (size_t r = 0; r < a.n_out; r++) {
    const auto* weight = static_cast<const uint8_t*>(a.weight) + r * a.weight_row_bytes;
    for (size_t t = 0; t < a.n_tokens; t++) {
      const float* x = a.x_f32 + t * a.n_in;
      double sum = 0;
      for (size_t i = 0; i < a.n_in; i++) sum += static_cast<double>(load(weight + i * kBytes)) * x[i];
      a.out[t * a.out_stride + r] = static_cast<float>(sum);
    }
  }
}

template <typename Reader>
void matmul_quantized(const MatmulArgs& a) {
  const size_t n_groups = a.n_in / kActivationGroup;
  for (size_t r = 0; r < a.n_out; r++) {
    const auto* weight = static_cast<const uint8_t*>(a.weight) + r * a.weight_row_bytes;
    for (size_t t = 0; t < a.n_tokens; t++) {
      double sum = 0;
      for (size_t g = 0; g < n_groups; g++) {
        Group group;
        read_group<Reader>(weight, g, group);
        const int8_t* q = a.x_q8.q + t * a.n_in + g * kActivationGroup;
        const int16_t* q_sum = a.x_q8.sum + t * a.n_in / 16 + 2 * g;
        int32_t dot = 0;
        for (size_t i = 0; i < kActivationGroup; i++) dot += group.q[i] * q[i];
        const int32_t minimum = group.minimum[0] * q_sum[0] + group.minimum[1] * q_sum[1];
        const double value =
            static_cast<double>(group.scale) * dot + static_cast<double>(group.min_scale) * minimum;
        sum += value * a.x_q8.scale[t * n_groups + g];
      }
      a.out[t * a.out_stride + r] = static_cast<float>(sum);
    }
  }
}

}  // namespace

void install_matmul(KernelTable& table) {
  table.matmul[static_cast<size_t>(DType::kF32)] = {matmul_float<4, load_weight_f32>};
  table.matmul[static_cast<size_t>(DType::kF16)] = {matmul_float<2, load_weight_f16>};
  table.matmul[static_cast<size_t>(DType::kBF16)] = {matmul_float<2, load_weight_bf16>};
  for_each_reader([&]<typename Reader>(DType dtype) {
    table.matmul[static_cast<size_t>(dtype)] = {
        matmul_quantized<Reader>, Reader::kGroups > 1 ? kWideActivationGroup : kActivationGroup};
  });
}

}  // namespace hearth::kernels::reference
