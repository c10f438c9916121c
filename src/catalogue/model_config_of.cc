#include "catalogue/model_config_of.h"

namespace hearth::catalogue {

using model::AttentionKind;

model::ModelConfig config_of(const ModelSpec& spec) {
  model::ModelConfig config;
  config.architecture = architecture_name(spec.architecture);
  config.n_layers = spec.n_layers;
  config.width = spec.hidden;
  config.vocab_size = spec.vocab;
  config.context_length = spec.context;
  config.sliding_window = spec.window;
  config.per_layer_input_dim = spec.per_layer_dim;
  config.dense_2_dim = spec.dense_head;
  config.dense_3_dim = spec.dense_head > 0 ? spec.hidden : 0;
  config.n_labels = spec.n_labels;
  config.is_encoder = !spec.generates();
  config.causal = spec.generates();
  config.gated_ffn = spec.architecture != Architecture::kBert;
  config.moe = {.n_experts = spec.n_experts,
                .n_used = spec.n_experts_used,
                .ffn_dim = spec.expert_ffn,
                .beside_dense = spec.architecture == Architecture::kGemma4 && spec.n_experts > 0};
  const bool experts_only = spec.architecture == Architecture::kQwen3Moe;
  for (uint32_t i = 0; i < spec.n_layers; ++i) {
    model::LayerConfig& layer = config.layers.emplace_back();
    layer.kind = spec.is_sliding(i) ? AttentionKind::kSliding : AttentionKind::kFull;
    layer.n_heads = spec.n_heads;
    layer.n_kv_heads = spec.kv_heads_of(i);
    layer.head_dim = spec.head_dim_of(i);
    layer.ffn_dim = experts_only ? 0 : spec.ffn_of(i);
    layer.kv_layer = i;
    if (spec.owns_kv(i)) continue;
    // What the last owning layer of its kind has stored.
    layer.kv_layer = spec.n_layers - spec.shared_kv_layers - 1;
    while (config.layers[static_cast<size_t>(layer.kv_layer)].kind != layer.kind) --layer.kv_layer;
  }
  if (spec.rope_base > 0) {
    config.rope[0].n_dims = spec.head_dim_of(spec.n_layers - 1);
    if (spec.global_every > 0) config.rope[1].n_dims = spec.head_dim;
  }
  return config;
}

}  // namespace hearth::catalogue
