// The shapes of real models, and small ones of the same kinds, as data.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace hearth::catalogue {

enum class Architecture { kLlama, kQwen2, kQwen3, kQwen3Moe, kGemma4, kGemmaEmbedding, kBert, kNomicBert };
std::string_view architecture_name(Architecture architecture);  // as general.architecture has it

struct ModelSpec {
  std::string_view name;
  Architecture architecture;
  uint32_t n_layers;
  uint32_t hidden;
  uint32_t ffn;
  uint32_t n_heads;
  uint32_t n_kv_heads;  // of sliding layers where there are such
  uint32_t head_dim;    // likewise
  uint32_t vocab;
  uint32_t context;
  float rope_base = 0;  // 0: learned positions
  float norm_eps = 1e-6f;
  bool tied = false;  // no output matrix of its own

  float rope_factor = 0;  // Llama 3.1 position stretching, 0 for none

  // Mixture of experts; 0 experts for dense models.
  uint32_t n_experts = 0;
  uint32_t n_experts_used = 0;
  uint32_t expert_ffn = 0;

  // Gemma: every global_every-th layer sees everything, the others a window.
  uint32_t global_every = 0;
  uint32_t window = 0;
  uint32_t n_kv_heads_global = 0;
  uint32_t head_dim_global = 0;
  float rope_base_sliding = 0;
  bool global_values_are_keys = false;  // no attn_v on global layers
  uint32_t shared_kv_layers = 0;        // the last layers, which use the keys of earlier ones
  bool wide_shared_ffn = false;         // those have twice the feed-forward width
  uint32_t per_layer_dim = 0;           // per-layer embeddings

  uint32_t dense_head = 0;  // embedding models: width of the dense layers behind pooling
  uint32_t n_labels = 0;    // rerankers: rows of the head

  bool is_sliding(uint32_t layer) const;
  bool owns_kv(uint32_t layer) const { return layer + shared_kv_layers < n_layers; }
  bool has_values(uint32_t layer) const {
    return owns_kv(layer) && (is_sliding(layer) || !global_values_are_keys);
  }
  uint32_t kv_heads_of(uint32_t layer) const;
  uint32_t head_dim_of(uint32_t layer) const;
  uint32_t ffn_of(uint32_t layer) const { return wide_shared_ffn && !owns_kv(layer) ? 2 * ffn : ffn; }
  bool generates() const;  // text, as opposed to embeddings

  // The same kind of model with another number of layers; a shared tail keeps its donors.
  ModelSpec with_layers(uint32_t layers) const;
};

const ModelSpec* find_model_spec(std::string_view name);
std::vector<std::string_view> model_spec_names();

}  // namespace hearth::catalogue
