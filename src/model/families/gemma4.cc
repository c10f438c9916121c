// Gemma 4: E2B and E4B (per-layer embeddings, shared keys and values), 12B, 26B-A4B (experts beside a dense
// branch), 31B. Sliding-window layers with small heads alternate with global ones with large heads; global
// layers may take their values from the keys; attention is not scaled because q and k are normalised.
#include <cmath>

#include "model/families/config_reader.h"
#include "model/families/list.h"

namespace hearth::model {
namespace {

Status read_layer_kinds(const ConfigReader& keys, ModelConfig& config) {
  HEARTH_TRY(const std::vector<int64_t> sliding,
             keys.per_layer("attention.sliding_window_pattern", config.n_layers, 0, 1));
  HEARTH_TRY(config.sliding_window, keys.integer("attention.sliding_window", 1, kMaxContext));
  HEARTH_TRY(const int64_t sliding_head_dim, keys.integer("attention.key_length_swa", 1, kMaxHeadDim));
  for (size_t i = 0; i < config.layers.size(); ++i) {
    if (!sliding[i]) continue;
    config.layers[i].kind = AttentionKind::kSliding;
    config.layers[i].head_dim = sliding_head_dim;
  }
  RopeConfig& sliding_rope = config.rope[static_cast<int>(AttentionKind::kSliding)];
  HEARTH_TRY(sliding_rope.base, keys.number_or("rope.freq_base_swa", 10000, 1, 1e12));
  HEARTH_TRY(sliding_rope.n_dims,
             keys.integer_or("rope.dimension_count_swa", sliding_head_dim, 0, sliding_head_dim));
  config.rope[static_cast<int>(AttentionKind::kFull)].uses_frequency_factors = true;
  return {};
}

// The last layers attend to what the last owning layer of their kind has stored.
Status share_keys_and_values(const ConfigReader& keys, ModelConfig& config) {
  HEARTH_TRY(const int64_t n_shared,
             keys.integer_or("attention.shared_kv_layers", 0, 0, config.n_layers - 1));
  const int64_t n_own = config.n_layers - n_shared;
  for (int64_t i = n_own; i < config.n_layers; ++i) {
    LayerConfig& layer = config.layers[static_cast<size_t>(i)];
    int64_t donor = n_own - 1;
    while (donor >= 0 && config.layers[static_cast<size_t>(donor)].kind != layer.kind) --donor;
    if (donor < 0) {
      return fail(
          ErrorCategory::kCorrupt,
          "key gemma4.attention.shared_kv_layers: {} leaves layer {} no layer of its kind to share with",
          n_shared, i);
    }
    const LayerConfig& owner = config.layers[static_cast<size_t>(donor)];
    if (owner.n_kv_heads != layer.n_kv_heads) {
      return fail(ErrorCategory::kCorrupt,
                  "layer {} has {} key-value heads, layer {} that it shares with has {}", i, layer.n_kv_heads,
                  donor, owner.n_kv_heads);
    }
    layer.kv_layer = donor;
  }
  return {};
}

Status configure(const gguf::Metadata& metadata, ModelConfig& config) {
  const ConfigReader keys(metadata, config.architecture);
  HEARTH_CHECK_OK(read_layer_kinds(keys, config));
  HEARTH_CHECK_OK(share_keys_and_values(keys, config));
  HEARTH_TRY(config.per_layer_input_dim,
             keys.integer_or("embedding_length_per_layer_input", 0, 0, kMaxWidth));
  HEARTH_TRY(config.final_logit_softcap, keys.number_or("final_logit_softcapping", 0, 0, 1e6));
  config.norm_place = NormPlace::kSandwich;
  config.activation = tensor::Activation::kGeluTanh;
  config.embedding_scale = std::sqrt(static_cast<float>(config.width));
  config.attention_scale = 1;
  config.qk_norm = config.value_norm = config.value_from_key = config.layer_scale = true;
  config.moe.beside_dense = config.moe.n_experts > 0;
  return {};
}

}  // namespace

const Family kGemma4 = {"gemma4", "Gemma 4 E2B, E4B, 12B, 26B-A4B, 31B", configure};

}  // namespace hearth::model
