#include "synth/hyperparameters.h"

#include <string>

namespace hearth::synth {

using namespace catalogue;
namespace {

// Adds keys under "ARCHITECTURE.".
class Keys {
 public:
  Keys(gguf::GgufWriter& writer, const ModelSpec& spec) : writer_(writer), spec_(spec) {}

  void common();
  void experts();
  void gemma();
  void encoder();

 private:
  std::string key(std::string_view name) const {
    return std::string(architecture_name(spec_.architecture)).append(".").append(name);
  }
  void number(std::string_view name, uint32_t value) { writer_.add_uint32(key(name), value); }
  void real(std::string_view name, float value) { writer_.add_float(key(name), value); }
  // One number where all layers agree, else one per layer.
  template <typename Of>
  void per_layer(std::string_view name, bool always_array, Of of) {
    std::vector<int32_t> values;
    bool same = true;
    for (uint32_t i = 0; i < spec_.n_layers; ++i) {
      values.push_back(static_cast<int32_t>(of(i)));
      same = same && values[i] == values[0];
    }
    if (same && !always_array) return number(name, static_cast<uint32_t>(values[0]));
    writer_.add_int_array(key(name), values);
  }

  gguf::GgufWriter& writer_;
  const ModelSpec& spec_;
};

void Keys::common() {
  number("block_count", spec_.n_layers);
  number("context_length", spec_.context);
  number("embedding_length", spec_.hidden);
  per_layer("feed_forward_length", false, [&](uint32_t i) { return spec_.ffn_of(i); });
  number("attention.head_count", spec_.n_heads);
  if (spec_.rope_base > 0) real("rope.freq_base", spec_.rope_base);
}

void Keys::experts() {
  if (spec_.n_experts == 0) return;
  number("expert_count", spec_.n_experts);
  number("expert_used_count", spec_.n_experts_used);
  number("expert_feed_forward_length", spec_.expert_ffn);
}

void Keys::gemma() {
  const bool decoder = spec_.architecture == Architecture::kGemma4;
  per_layer("attention.head_count_kv", decoder, [&](uint32_t i) { return spec_.kv_heads_of(i); });
  real("attention.layer_norm_rms_epsilon", spec_.norm_eps);
  real("rope.freq_base_swa", spec_.rope_base_sliding);
  number("attention.key_length", spec_.head_dim_global);
  number("attention.value_length", spec_.head_dim_global);
  number("attention.sliding_window", spec_.window);
  std::vector<bool> sliding;
  for (uint32_t i = 0; i < spec_.n_layers; ++i) sliding.push_back(spec_.is_sliding(i));
  writer_.add_bool_array(key("attention.sliding_window_pattern"), sliding);
  if (decoder) {
    number("attention.key_length_swa", spec_.head_dim);
    number("attention.value_length_swa", spec_.head_dim);
    number("rope.dimension_count", spec_.head_dim_global);
    number("rope.dimension_count_swa", spec_.head_dim);
    real("final_logit_softcapping", 30);
    number("attention.shared_kv_layers", spec_.shared_kv_layers);
    number("embedding_length_per_layer_input", spec_.per_layer_dim);
    return;
  }
  number("pooling_type", 1);
  number("dense_2_feat_in", spec_.hidden);
  number("dense_2_feat_out", spec_.dense_head);
  number("dense_3_feat_in", spec_.dense_head);
  number("dense_3_feat_out", spec_.hidden);
}

void Keys::encoder() {
  real("attention.layer_norm_epsilon", spec_.norm_eps);
  writer_.add_bool(key("attention.causal"), false);
  number("pooling_type", spec_.n_labels > 0 ? 4 : 1);
}

}  // namespace

void add_hyperparameters(gguf::GgufWriter& writer, const ModelSpec& spec) {
  const std::string architecture(architecture_name(spec.architecture));
  writer.add_string("general.architecture", architecture);
  writer.add_string("general.type", "model");
  writer.add_string("general.name", "synthetic " + std::string(spec.name));
  Keys keys(writer, spec);
  keys.common();
  keys.experts();
  switch (spec.architecture) {
    case Architecture::kGemma4:
    case Architecture::kGemmaEmbedding:
      return keys.gemma();
    case Architecture::kBert:
    case Architecture::kNomicBert:
      return keys.encoder();
    default:
      break;
  }
  writer.add_uint32(architecture + ".attention.head_count_kv", spec.n_kv_heads);
  writer.add_float(architecture + ".attention.layer_norm_rms_epsilon", spec.norm_eps);
  writer.add_uint32(architecture + ".rope.dimension_count", spec.head_dim);
  if (spec.architecture == Architecture::kLlama) writer.add_uint32("llama.vocab_size", spec.vocab);
  const bool own_width =
      spec.architecture == Architecture::kQwen3 || spec.architecture == Architecture::kQwen3Moe;
  if (own_width) {
    writer.add_uint32(architecture + ".attention.key_length", spec.head_dim);
    writer.add_uint32(architecture + ".attention.value_length", spec.head_dim);
  }
}

}  // namespace hearth::synth
