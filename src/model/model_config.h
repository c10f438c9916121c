// What a model is, as data: everything a forward pass needs to know that is not a weight. A family
// (model/families/) reads it from a file's metadata; the blocks follow it without asking for a name.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tensor/backend.h"

namespace hearth::model {

// Sanity bounds for numbers that come from files.
inline constexpr int64_t kMaxLayers = 1024;
inline constexpr int64_t kMaxWidth = 1 << 20;
inline constexpr int64_t kMaxHeads = 4096;
inline constexpr int64_t kMaxHeadDim = 4096;
inline constexpr int64_t kMaxExperts = 4096;
inline constexpr int64_t kMaxContext = int64_t{1} << 24;

// Rotary embedding (arXiv:2104.09864) of one kind of layer.
struct RopeConfig {
  double base = 10000;
  int64_t n_dims = 0;                   // rotated dimensions of a head; 0 = no rotary embedding
  double scale = 1;                     // positions are divided by it (linear scaling)
  bool uses_frequency_factors = false;  // the tensor rope_freqs, where the file has one
};

enum class AttentionKind { kFull = 0, kSliding = 1 };

struct LayerConfig {
  AttentionKind kind = AttentionKind::kFull;
  int64_t n_heads = 0;
  int64_t n_kv_heads = 0;
  int64_t head_dim = 0;
  int64_t ffn_dim = 0;   // of the dense feed-forward; 0 = experts only
  int64_t kv_layer = 0;  // whose keys and values it attends to; its own index unless shared
};

struct MoeConfig {
  int64_t n_experts = 0;  // 0 = none
  int64_t n_used = 0;
  int64_t ffn_dim = 0;
  bool renormalise = true;
  // Gemma 4: a dense branch runs beside the experts, the router sees x/rms(x)/√width · scale.
  bool beside_dense = false;
};

enum class NormKind { kRms, kLayer };
enum class NormPlace {
  kPre,       // x += f(norm(x))
  kSandwich,  // x += norm(f(norm(x)))
  kPost,      // x = norm(x + f(x)), as in BERT
};

// Which of a text's final rows make its vector: their mean, the first, or the last.
enum class Pooling { kNone, kMean, kCls, kLast };

struct ModelConfig {
  std::string architecture;
  int64_t n_layers = 0;
  int64_t width = 0;  // of the residual stream ("embedding length", "hidden size")
  int64_t vocab_size = 0;
  int64_t context_length = 0;
  std::vector<LayerConfig> layers;

  NormKind norm = NormKind::kRms;
  NormPlace norm_place = NormPlace::kPre;
  float norm_eps = 1e-5f;
  tensor::Activation activation = tensor::Activation::kSilu;
  bool gated_ffn = true;

  float embedding_scale = 1;
  bool causal = true;
  float attention_scale = 0;
  float attention_softcap = 0;  // 0 = none
  float final_logit_softcap = 0;
  int64_t sliding_window = 0;
  bool interleaved_rope = false;
  RopeConfig rope[2];  // by AttentionKind

  bool qkv_bias = false;     // required tensors; see model/weights.cc
  bool linear_bias = false;  // BERT: on every linear
  bool qk_norm = false;
  bool value_norm = false;      // Gemma 4: values are normalised without a weight
  bool value_from_key = false;  // layers without attn_v take the raw keys as values
  bool layer_scale = false;
  int64_t per_layer_input_dim = 0;  // Gemma 4 E2B, E4B; 0 = none
  MoeConfig moe;

  bool token_type_embedding = false;
  bool position_embedding = false;
  bool embedding_norm = false;
  bool output_norm = true;
  bool is_encoder = false;  // gives vectors, not logits
  Pooling pooling = Pooling::kNone;
  int64_t n_labels = 0;     // of a reranker's head: 1 (a logit) or 2 (yes, no); 0 = no reranker
  int64_t dense_2_dim = 0;  // EmbeddingGemma's projection after pooling; 0 = none
  int64_t dense_3_dim = 0;

  bool ranks() const { return n_labels > 0; }
  // kMean, kCls or kLast: a decoder whose file does not say gives its last row, which alone has seen all.
  Pooling row_choice() const { return pooling == Pooling::kNone ? Pooling::kLast : pooling; }

  // The last layer that writes keys and values. From the point where they are stored, only the rows whose
  // output was asked for are computed: exact, and most of a prefill's end (all of it after layer 23 of 42 in
  // Gemma 4 E4B).
  int64_t last_kv_layer() const;
  int64_t max_heads_width() const;  // widest n_heads · head_dim
};

}  // namespace hearth::model
