// Typed views of a model's tensors, checked against its configuration. Optional tensors are empty views, and
// the blocks skip what is not there.
#pragma once

#include <vector>

#include "gguf/model_file.h"
#include "model/model_config.h"
#include "tensor/tensor_view.h"

namespace hearth::model {

using tensor::VectorView;
using tensor::WeightView;

struct Norm {
  VectorView weight, bias;
};

struct Linear {
  WeightView weight;
  VectorView bias;
};

struct MoeWeights {
  WeightView router;        // [width, n_experts]
  VectorView router_scale;  // [width] (Gemma 4)
  WeightView gate, up, gate_up, down;
  VectorView expert_scale;                    // [n_experts] (Gemma 4)
  Norm pre_norm, post_norm, dense_post_norm;  // around the two branches (Gemma 4)
};

struct LayerWeights {
  Norm attn_norm;               // before attention, or after its residual in post-norm models
  Linear q, k, v, attn_output;  // k, v empty where the layer shares another's cache
  Norm q_norm, k_norm;          // per head
  Norm post_attention_norm;
  Norm ffn_norm;
  Linear gate, up, down;
  MoeWeights moe;
  Norm post_ffw_norm;
  WeightView per_layer_gate, per_layer_projection;
  Norm per_layer_post_norm;
  VectorView output_scale;  // [1]
};

struct Weights {
  WeightView token_embedding;  // [width, vocab_size]
  WeightView token_types, position_embedding;
  Norm embedding_norm;
  WeightView per_layer_embedding;         // [n_layers · dim, vocab_size]
  WeightView per_layer_model_projection;  // [width, n_layers · dim]
  Norm per_layer_projection_norm;         // [dim]
  VectorView rope_factors;
  std::vector<LayerWeights> layers;
  Norm output_norm;
  WeightView output;  // the token embedding again when the model ties them
  WeightView dense_2, dense_3;
  Linear rank_hidden, rank_output;  // a reranker's head; the first is optional

  // Errors name the tensor: kCorrupt when one is missing or has another shape, kUnsupported for a type where
  // it cannot be used. The views borrow from `file`.
  static Result<Weights> bind(const ModelConfig& config, const gguf::ModelFile& file);
};

}  // namespace hearth::model
