#include <algorithm>
#include <cmath>

#include "model/families/config_reader.h"
#include "model/families/family.h"
#include "model/families/list.h"

namespace hearth::model {
namespace {

const Family* const kFamilies[] = {&kBert,      &kGemma4, &kGemmaEmbedding, &kLlama,
                                   &kNomicBert, &kQwen2,  &kQwen3,          &kQwen3Moe};

constexpr int64_t kRankPooling = 4;

// The keys that mean the same in every family.
Status read_common_config(const gguf::Metadata& metadata, ModelConfig& config) {
  const ConfigReader keys(metadata, config.architecture);
  HEARTH_TRY(config.n_layers, keys.integer("block_count", 1, kMaxLayers));
  HEARTH_TRY(config.width, keys.integer("embedding_length", 1, kMaxWidth));
  HEARTH_TRY(config.context_length, keys.integer("context_length", 1, kMaxContext));

  HEARTH_TRY(const std::vector<int64_t> heads,
             keys.per_layer("attention.head_count", config.n_layers, 1, kMaxHeads));
  std::vector<int64_t> kv_heads = heads;
  if (keys.has("attention.head_count_kv")) {
    HEARTH_TRY(kv_heads, keys.per_layer("attention.head_count_kv", config.n_layers, 1, kMaxHeads));
  }
  const int64_t even_head_dim = std::max<int64_t>(config.width / heads[0], 1);
  HEARTH_TRY(const int64_t head_dim, keys.integer_or("attention.key_length", even_head_dim, 1, kMaxHeadDim));
  HEARTH_TRY(const int64_t value_dim, keys.integer_or("attention.value_length", head_dim, 1, kMaxHeadDim));
  if (value_dim != head_dim) {
    return fail(ErrorCategory::kUnsupported, "key {}.attention.value_length: {}, keys are {} wide",
                config.architecture, value_dim, head_dim);
  }
  std::vector<int64_t> ffn(static_cast<size_t>(config.n_layers), 0);
  if (keys.has("feed_forward_length")) {
    HEARTH_TRY(ffn, keys.per_layer("feed_forward_length", config.n_layers, 0, kMaxWidth));
  }
  config.layers.resize(static_cast<size_t>(config.n_layers));
  for (size_t i = 0; i < config.layers.size(); ++i) {
    config.layers[i] = {.n_heads = heads[i],
                        .n_kv_heads = kv_heads[i],
                        .head_dim = head_dim,
                        .ffn_dim = ffn[i],
                        .kv_layer = static_cast<int64_t>(i)};
  }

  const bool layer_norm = keys.has("attention.layer_norm_epsilon");
  config.norm = layer_norm ? NormKind::kLayer : NormKind::kRms;
  HEARTH_TRY(
      config.norm_eps,
      keys.number(layer_norm ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon", 0, 1));

  RopeConfig& rope = config.rope[static_cast<int>(AttentionKind::kFull)];
  HEARTH_TRY(rope.base, keys.number_or("rope.freq_base", 10000, 1, 1e12));
  HEARTH_TRY(rope.n_dims, keys.integer_or("rope.dimension_count", head_dim, 0, head_dim));
  HEARTH_TRY(const auto scaling, keys.string("rope.scaling.type"));
  if (scaling == "linear") {
    HEARTH_TRY(rope.scale, keys.number_or("rope.scaling.factor", 1, 1e-3, 1e6));
  } else if (scaling && scaling != "none") {
    return fail(ErrorCategory::kUnsupported,
                "key {}.rope.scaling.type: \"{}\" is not supported (none, linear)", config.architecture,
                *scaling);
  }

  if (keys.has("expert_count")) {
    MoeConfig& moe = config.moe;
    HEARTH_TRY(moe.n_experts, keys.integer("expert_count", 0, kMaxExperts));
    if (moe.n_experts > 0) {
      HEARTH_TRY(moe.n_used, keys.integer("expert_used_count", 1, moe.n_experts));
      HEARTH_TRY(moe.ffn_dim, keys.integer_or("expert_feed_forward_length", ffn[0], 1, kMaxWidth));
    }
  }
  return {};
}

Result<Pooling> read_pooling(const ConfigReader& keys) {
  HEARTH_TRY(const int64_t pooling, keys.integer_or("pooling_type", 0, 0, kRankPooling));
  // What a reranker's head reads depends on the family: encoders have it on the first row.
  constexpr Pooling kByNumber[] = {Pooling::kNone, Pooling::kMean, Pooling::kCls, Pooling::kLast,
                                   Pooling::kNone};
  return kByNumber[pooling];
}

// The head of a reranker: a logit, or one each for yes and no.
Status read_rank_head(const gguf::ModelFile& file, const ConfigReader& keys, ModelConfig& config) {
  HEARTH_TRY(const int64_t pooling, keys.integer_or("pooling_type", 0, 0, kRankPooling));
  if (pooling != kRankPooling) return {};
  const gguf::TensorInfo* head = file.find_tensor("cls.output.weight");
  if (head == nullptr) {
    return fail(ErrorCategory::kUnsupported, "pooling type 4 (rank) without tensor cls.output.weight");
  }
  if (head->dims[1] != 1 && head->dims[1] != 2) {
    return fail(ErrorCategory::kUnsupported, "tensor cls.output.weight: {} labels, 1 or 2 are supported",
                head->dims[1]);
  }
  config.n_labels = static_cast<int64_t>(head->dims[1]);
  config.pooling = config.is_encoder ? Pooling::kCls : Pooling::kLast;
  return {};
}

// What the blocks rely on, whatever the family.
Status check(const ModelConfig& config) {
  for (size_t i = 0; i < config.layers.size(); ++i) {
    const LayerConfig& layer = config.layers[i];
    if (layer.n_heads % layer.n_kv_heads != 0) {
      return fail(ErrorCategory::kCorrupt, "layer {}: {} heads cannot share {} key-value heads", i,
                  layer.n_heads, layer.n_kv_heads);
    }
    if (layer.n_heads * layer.head_dim > kMaxWidth) {
      return fail(ErrorCategory::kCorrupt, "layer {}: {} heads of {} are too wide", i, layer.n_heads,
                  layer.head_dim);
    }
    const RopeConfig& rope = config.rope[static_cast<int>(layer.kind)];
    if (rope.n_dims % 2 != 0 || rope.n_dims > layer.head_dim) {
      return fail(ErrorCategory::kCorrupt, "layer {}: {} rotary dimensions in a head of {}", i, rope.n_dims,
                  layer.head_dim);
    }
    if (layer.ffn_dim == 0 && config.moe.n_experts == 0) {
      return fail(ErrorCategory::kCorrupt, "key {}.feed_forward_length is missing or 0", config.architecture);
    }
  }
  return {};
}

}  // namespace

std::span<const Family* const> families() {
  return kFamilies;
}

Result<ModelConfig> read_config(const gguf::ModelFile& file) {
  HEARTH_TRY(const auto architecture, file.metadata().get_string("general.architecture"));
  if (!architecture) return fail(ErrorCategory::kCorrupt, "key general.architecture is missing");
  std::string known;
  for (const Family* family : families()) {
    known += (known.empty() ? "" : ", ") + std::string(family->architecture);
    if (family->architecture != *architecture) continue;
    ModelConfig config;
    config.architecture = *architecture;
    HEARTH_CHECK_OK(read_common_config(file.metadata(), config));
    const ConfigReader keys(file.metadata(), config.architecture);
    HEARTH_TRY(config.pooling, read_pooling(keys));
    // The embedding table is the truth about the vocabulary; the tokenizer is checked against it on its own.
    const gguf::TensorInfo* table = file.find_tensor("token_embd.weight");
    if (table == nullptr) return fail(ErrorCategory::kCorrupt, "tensor token_embd.weight is missing");
    if (table->dims[1] == 0 || table->dims[1] > (uint64_t{1} << 24)) {
      return fail(ErrorCategory::kCorrupt, "tensor token_embd.weight: {} rows", table->dims[1]);
    }
    config.vocab_size = static_cast<int64_t>(table->dims[1]);
    config.attention_scale = 1.0f / std::sqrt(static_cast<float>(config.layers[0].head_dim));
    HEARTH_CHECK_OK(family->configure(file.metadata(), config));
    HEARTH_CHECK_OK(read_rank_head(file, keys, config));
    HEARTH_CHECK_OK(check(config));
    return config;
  }
  return fail(ErrorCategory::kUnsupported, "architecture \"{}\" is not supported; known: {}", *architecture,
              known);
}

}  // namespace hearth::model
