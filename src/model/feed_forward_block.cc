// The feed-forward half of a layer: dense, gated (arXiv:2002.05202), a mixture of experts, or both side by
// side.
#include <cmath>

#include "model/pass.h"

namespace hearth::model {
namespace {

using tensor::TensorView;

Status dense(const Pass& pass, TensorView input, const LayerConfig& layer, const LayerWeights& weights,
             TensorView out) {
  const TensorView up = pass.view(pass.state.up, layer.ffn_dim);
  if (weights.gate.weight) {
    const TensorView gate = pass.view(pass.state.gate, layer.ffn_dim);
    const tensor::LinearOutput products[] = {{weights.gate.weight, weights.gate.bias, gate},
                                             {weights.up.weight, weights.up.bias, up}};
    pass.backend.linear(input, products);
    pass.backend.gated_activation(pass.config.activation, gate, up, up);
  } else {
    pass.linear(input, weights.up, up);
    pass.backend.gelu(up);
  }
  return pass.linear_summed(up, weights.down, out);
}

Status experts(const Pass& pass, TensorView input, TensorView router_input, const MoeWeights& weights,
               TensorView out) {
  const TensorView logits = pass.view(pass.state.router);
  pass.linear(router_input, {weights.router, {}}, logits);
  pass.backend.moe({.x = input,
                    .router_logits = logits,
                    .n_used = static_cast<int>(pass.config.moe.n_used),
                    .renormalise = pass.config.moe.renormalise,
                    .expert_scale = weights.expert_scale,
                    .gate = weights.gate,
                    .up = weights.up,
                    .gate_up = weights.gate_up,
                    .down = weights.down,
                    .activation = pass.config.activation,
                    .out = out});
  return {};
}

// Gemma 4 26B: both branches start from x1, each with norms of its own; their sum meets the common post-norm.
Status dense_beside_experts(const Pass& pass, const LayerConfig& layer, const LayerWeights& weights,
                            TensorView out) {
  const ModelConfig& config = pass.config;
  const MoeWeights& moe = weights.moe;
  const TensorView x = pass.view(pass.state.x), h = pass.view(pass.state.h), z = pass.view(pass.state.z);
  pass.norm(x, weights.ffn_norm, h);
  HEARTH_CHECK_OK(dense(pass, h, layer, weights, out));
  pass.norm(out, moe.dense_post_norm, out);

  // The router reads x1 itself, brought to unit length and weighed by its own scale.
  pass.backend.rms_norm(x, {}, config.norm_eps, z);
  pass.backend.multiply(1.0f / std::sqrt(static_cast<float>(config.width)), z);
  pass.backend.multiply_vector(moe.router_scale, z);
  pass.norm(x, moe.pre_norm, h);
  HEARTH_CHECK_OK(experts(pass, h, z, moe, z));
  pass.norm(z, moe.post_norm, z);
  pass.backend.add(z, out);
  return {};
}

}  // namespace

Status feed_forward_block(Pass& pass, int64_t index) {
  const ModelConfig& config = pass.config;
  const LayerConfig& layer = config.layers[static_cast<size_t>(index)];
  const LayerWeights& weights = pass.weights.layers[static_cast<size_t>(index)];
  const TensorView x = pass.view(pass.state.x), h = pass.view(pass.state.h), y = pass.view(pass.state.y);

  if (config.norm_place == NormPlace::kPost) {
    HEARTH_CHECK_OK(dense(pass, x, layer, weights, y));
    pass.backend.add(y, x);
    pass.norm(x, weights.ffn_norm, x);
    return {};
  }
  if (config.moe.beside_dense) {
    HEARTH_CHECK_OK(dense_beside_experts(pass, layer, weights, y));
  } else {
    pass.norm(x, weights.ffn_norm, h);
    HEARTH_CHECK_OK(config.moe.n_experts > 0 ? experts(pass, h, h, weights.moe, y)
                                             : dense(pass, h, layer, weights, y));
  }
  if (weights.post_ffw_norm.weight) pass.norm(y, weights.post_ffw_norm, y);
  pass.backend.add(y, x);
  return {};
}

}  // namespace hearth::model
