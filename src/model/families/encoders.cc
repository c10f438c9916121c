// Encoders: text in, one vector out. BERT (learned positions, post-norm, biases), nomic-bert (rotary, SwiGLU,
// no biases), EmbeddingGemma (a Gemma body that looks both ways).
#include <cmath>

#include "model/families/config_reader.h"
#include "model/families/list.h"

namespace hearth::model {
namespace {

void configure_encoder(ModelConfig& config) {
  config.is_encoder = true;
  config.causal = false;
  if (config.pooling == Pooling::kNone) config.pooling = Pooling::kMean;
}

Status configure_bert(const gguf::Metadata&, ModelConfig& config) {
  configure_encoder(config);
  config.norm_place = NormPlace::kPost;
  config.activation = tensor::Activation::kGeluTanh;
  config.gated_ffn = false;
  config.linear_bias = true;
  config.rope[0].n_dims = 0;
  config.token_type_embedding = config.position_embedding = config.embedding_norm = true;
  config.output_norm = false;
  return {};
}

Status configure_nomic_bert(const gguf::Metadata&, ModelConfig& config) {
  configure_encoder(config);
  config.norm_place = NormPlace::kPost;
  config.token_type_embedding = config.embedding_norm = true;
  config.output_norm = false;
  return {};
}

// Every sixth layer sees everything unless the file says otherwise: a period, or a flag for each layer.
Result<std::vector<bool>> read_sliding_layers(const gguf::Metadata& metadata, int64_t n_layers) {
  constexpr std::string_view kKey = "gemma-embedding.attention.sliding_window_pattern";
  HEARTH_TRY(const auto values, metadata.get_int_array(kKey));
  const bool flags = values && values->size() == static_cast<size_t>(n_layers) && n_layers > 1;
  if (values && !flags && values->size() != 1) {
    return fail(ErrorCategory::kCorrupt, "key {}: {} values for {} layers", kKey, values->size(), n_layers);
  }
  const int64_t period = values && !flags ? values->front() : 6;
  std::vector<bool> sliding;
  for (int64_t i = 0; i < n_layers; ++i) {
    sliding.push_back(flags ? (*values)[static_cast<size_t>(i)] != 0 : period <= 0 || (i + 1) % period != 0);
  }
  return sliding;
}

Status configure_gemma_embedding(const gguf::Metadata& metadata, ModelConfig& config) {
  const ConfigReader keys(metadata, config.architecture);
  configure_encoder(config);
  config.norm_place = NormPlace::kSandwich;
  config.activation = tensor::Activation::kGeluTanh;
  config.embedding_scale = std::sqrt(static_cast<float>(config.width));
  config.qk_norm = true;
  HEARTH_TRY(config.sliding_window, keys.integer_or("attention.sliding_window", 0, 0, kMaxContext));
  if (config.sliding_window > 0) {
    HEARTH_TRY(const std::vector<bool> sliding, read_sliding_layers(metadata, config.n_layers));
    for (size_t i = 0; i < sliding.size(); ++i) {
      if (sliding[i]) config.layers[i].kind = AttentionKind::kSliding;
    }
    RopeConfig& rope = config.rope[static_cast<int>(AttentionKind::kSliding)];
    HEARTH_TRY(rope.base, keys.number_or("rope.freq_base_swa", 10000, 1, 1e12));
    rope.n_dims = config.rope[0].n_dims;
  }
  HEARTH_TRY(config.dense_2_dim, keys.integer_or("dense_2_feat_out", 0, 0, kMaxWidth));
  HEARTH_TRY(config.dense_3_dim, keys.integer_or("dense_3_feat_out", 0, 0, kMaxWidth));
  if ((config.dense_2_dim == 0) != (config.dense_3_dim == 0)) {
    return fail(ErrorCategory::kCorrupt,
                "keys gemma-embedding.dense_2_feat_out and dense_3_feat_out need each other");
  }
  return {};
}

}  // namespace

const Family kBert = {"bert", "BERT encoders: MiniLM, BGE, E5", configure_bert};
const Family kNomicBert = {"nomic-bert", "nomic-embed-text", configure_nomic_bert};
const Family kGemmaEmbedding = {"gemma-embedding", "EmbeddingGemma", configure_gemma_embedding};

}  // namespace hearth::model
