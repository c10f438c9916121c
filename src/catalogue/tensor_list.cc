#include "catalogue/tensor_list.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

namespace hearth::catalogue {
namespace {

// Position stretching of Llama 3.1: short waves stay, long ones slow down by `factor`, smooth in between.
std::vector<float> llama_rope_factors(const ModelSpec& spec) {
  constexpr double kOriginalContext = 8192;
  constexpr double kHighWave = kOriginalContext / 4;
  std::vector<float> factors;
  for (uint32_t i = 0; i < spec.head_dim / 2; ++i) {
    const double wave = 2 * std::numbers::pi * std::pow(spec.rope_base, 2.0 * i / spec.head_dim);
    if (wave < kHighWave) {
      factors.push_back(1);
    } else if (wave > kOriginalContext) {
      factors.push_back(spec.rope_factor);
    } else {
      const double smooth = (kOriginalContext / wave - 1) / 3;
      factors.push_back(static_cast<float>(1 / ((1 - smooth) / spec.rope_factor + smooth)));
    }
  }
  return factors;
}

// Gemma 4's global layers turn a quarter of the pairs and leave the others alone.
std::vector<float> gemma_rope_factors(const ModelSpec& spec) {
  std::vector<float> factors(spec.head_dim_global / 2, 1e30f);
  std::fill_n(factors.begin(), factors.size() / 4, 1.0f);
  return factors;
}

class ListBuilder {
 public:
  explicit ListBuilder(const ModelSpec& spec) : spec_(spec) {}

  std::vector<ModelTensor> build();

 private:
  void add(std::string name, std::vector<uint64_t> dims, float mean, float deviation) {
    list_.push_back({prefix_ + std::move(name), std::move(dims), mean, deviation});
  }
  // Variance 1/n_in keeps the size of what flows through.
  void matrix(std::string name, std::vector<uint64_t> dims, float gain = 1) {
    const float deviation = gain / std::sqrt(static_cast<float>(dims[0]));
    add(std::move(name) + ".weight", std::move(dims), 0, deviation);
  }
  void norm(const std::string& name, uint64_t n, float mean = 1) {
    add(name + ".weight", {n}, mean, 0.1f * mean);
  }
  void layer_norm(const std::string& name, uint64_t n) {
    norm(name, n);
    add(name + ".bias", {n}, 0, 0.05f);
  }
  void bias(const std::string& name, uint64_t n) { add(name + ".bias", {n}, 0, 0.1f); }

  void decoder_layer();
  void gemma_layer(uint32_t layer);
  void gemma_experts();
  void encoder_layer();
  void decoder();
  void gemma();
  void encoder();
  void dense_feed_forward(uint64_t ffn) {
    matrix("ffn_gate", {spec_.hidden, ffn});
    matrix("ffn_up", {spec_.hidden, ffn});
    matrix("ffn_down", {ffn, spec_.hidden});
  }

  const ModelSpec& spec_;
  std::string prefix_;
  std::vector<ModelTensor> list_;
};

void ListBuilder::decoder_layer() {
  const uint64_t hidden = spec_.hidden;
  const uint64_t q = uint64_t{spec_.n_heads} * spec_.head_dim;
  const uint64_t kv = uint64_t{spec_.n_kv_heads} * spec_.head_dim;
  norm("attn_norm", hidden);
  matrix("attn_q", {hidden, q});
  matrix("attn_k", {hidden, kv});
  matrix("attn_v", {hidden, kv});
  matrix("attn_output", {q, hidden});
  if (spec_.architecture == Architecture::kQwen2) {
    bias("attn_q", q);
    bias("attn_k", kv);
    bias("attn_v", kv);
  }
  if (spec_.architecture == Architecture::kQwen3 || spec_.architecture == Architecture::kQwen3Moe) {
    norm("attn_q_norm", spec_.head_dim);
    norm("attn_k_norm", spec_.head_dim);
  }
  norm("ffn_norm", hidden);
  if (spec_.n_experts == 0) return dense_feed_forward(spec_.ffn);
  matrix("ffn_gate_inp", {hidden, spec_.n_experts}, 2);
  matrix("ffn_gate_exps", {hidden, spec_.expert_ffn, spec_.n_experts});
  matrix("ffn_up_exps", {hidden, spec_.expert_ffn, spec_.n_experts});
  matrix("ffn_down_exps", {spec_.expert_ffn, hidden, spec_.n_experts});
}

void ListBuilder::gemma_layer(uint32_t layer) {
  const uint64_t hidden = spec_.hidden;
  const uint64_t head_dim = spec_.head_dim_of(layer);
  const uint64_t q = spec_.n_heads * head_dim;
  const uint64_t kv = spec_.kv_heads_of(layer) * head_dim;
  const bool decoder = spec_.architecture == Architecture::kGemma4;
  norm("attn_norm", hidden);
  matrix("attn_q", {hidden, q});
  if (spec_.owns_kv(layer)) matrix("attn_k", {hidden, kv});
  if (spec_.has_values(layer)) matrix("attn_v", {hidden, kv});
  matrix("attn_output", {q, hidden});
  // Gemma 4 does not scale its scores, so the norms must: scores of deviation 2 rather than sqrt(head_dim).
  norm("attn_q_norm", head_dim);
  if (spec_.owns_kv(layer))
    norm("attn_k_norm", head_dim, decoder ? 2 / std::sqrt(static_cast<float>(head_dim)) : 1);
  norm("post_attention_norm", hidden, 0.5f);
  norm("post_ffw_norm", hidden, 0.5f);
  if (decoder) add("layer_output_scale.weight", {1}, 1, 0.05f);
  norm("ffn_norm", hidden);
  dense_feed_forward(spec_.ffn_of(layer));
  if (spec_.n_experts > 0) gemma_experts();
  if (spec_.per_layer_dim > 0) {
    matrix("inp_gate", {hidden, spec_.per_layer_dim});
    matrix("proj", {spec_.per_layer_dim, hidden});
    norm("post_norm", hidden, 0.5f);
  }
}

void ListBuilder::gemma_experts() {
  const uint64_t hidden = spec_.hidden;
  const uint64_t n_experts = spec_.n_experts;
  // The router's input is divided by sqrt(hidden): entries of deviation 2 give scores of deviation 2.
  add("ffn_gate_inp.weight", {hidden, n_experts}, 0, 2);
  add("ffn_gate_inp.scale", {hidden}, 1, 0.1f);
  norm("pre_ffw_norm_2", hidden);
  norm("post_ffw_norm_1", hidden, 0.5f);
  norm("post_ffw_norm_2", hidden, 0.5f);
  matrix("ffn_gate_up_exps", {hidden, 2 * spec_.expert_ffn, n_experts});
  matrix("ffn_down_exps", {spec_.expert_ffn, hidden, n_experts});
  add("ffn_down_exps.scale", {n_experts}, 1, 0.1f);
}

void ListBuilder::encoder_layer() {
  const uint64_t hidden = spec_.hidden;
  const uint64_t ffn = spec_.ffn;
  const bool bert = spec_.architecture == Architecture::kBert;
  const auto linear = [&](const std::string& name, uint64_t in, uint64_t out) {
    matrix(name, {in, out});
    if (bert) bias(name, out);
  };
  if (bert) {
    linear("attn_q", hidden, hidden);
    linear("attn_k", hidden, hidden);
    linear("attn_v", hidden, hidden);
  } else {
    linear("attn_qkv", hidden, 3 * hidden);
  }
  linear("attn_output", hidden, hidden);
  layer_norm("attn_output_norm", hidden);
  if (!bert) linear("ffn_gate", hidden, ffn);
  linear("ffn_up", hidden, ffn);
  linear("ffn_down", ffn, hidden);
  layer_norm("layer_output_norm", hidden);
}

void ListBuilder::decoder() {
  // Rows of a tied table serve as output rows too: logits of deviation 2.
  matrix("token_embd", {spec_.hidden, spec_.vocab}, 2);
  if (!spec_.tied) matrix("output", {spec_.hidden, spec_.vocab}, 2);
  norm("output_norm", spec_.hidden);
  for (uint32_t layer = 0; layer < spec_.n_layers; ++layer) {
    prefix_ = fmt::format("blk.{}.", layer);
    decoder_layer();
  }
  prefix_.clear();
  if (spec_.rope_factor > 0)
    list_.push_back({"rope_freqs.weight", {spec_.head_dim / 2}, 0, 0, llama_rope_factors(spec_)});
}

void ListBuilder::gemma() {
  // The table is the output matrix too, and its rows enter the model times sqrt(hidden). Small rows and a
  // large final norm give logits of deviation 2 in which the last token does not drown out what the layers
  // say.
  const bool decoder = spec_.architecture == Architecture::kGemma4;
  matrix("token_embd", {spec_.hidden, spec_.vocab}, decoder ? 0.1f : 1);
  norm("output_norm", spec_.hidden, decoder ? 20 : 1);
  if (spec_.per_layer_dim > 0) {
    const uint64_t width = uint64_t{spec_.per_layer_dim} * spec_.n_layers;
    // Looked up and multiplied by sqrt(per_layer_dim), so rows are that much smaller.
    add("per_layer_token_embd.weight", {width, spec_.vocab}, 0,
        1 / std::sqrt(static_cast<float>(spec_.per_layer_dim)));
    matrix("per_layer_model_proj", {spec_.hidden, width});
    norm("per_layer_proj_norm", spec_.per_layer_dim);
  }
  for (uint32_t layer = 0; layer < spec_.n_layers; ++layer) {
    prefix_ = fmt::format("blk.{}.", layer);
    gemma_layer(layer);
  }
  prefix_.clear();
  if (decoder) {
    list_.push_back({"rope_freqs.weight", {spec_.head_dim_global / 2}, 0, 0, gemma_rope_factors(spec_)});
  }
  if (spec_.dense_head > 0) {
    matrix("dense_2", {spec_.hidden, spec_.dense_head});
    matrix("dense_3", {spec_.dense_head, spec_.hidden});
  }
}

void ListBuilder::encoder() {
  add("token_embd.weight", {spec_.hidden, spec_.vocab}, 0, 0.5f);
  if (spec_.rope_base == 0) add("position_embd.weight", {spec_.hidden, spec_.context}, 0, 0.25f);
  add("token_types.weight", {spec_.hidden, 2}, 0, 0.25f);
  layer_norm("token_embd_norm", spec_.hidden);
  for (uint32_t layer = 0; layer < spec_.n_layers; ++layer) {
    prefix_ = fmt::format("blk.{}.", layer);
    encoder_layer();
  }
  prefix_.clear();
  if (spec_.n_labels == 0) return;
  matrix("cls", {spec_.hidden, spec_.hidden});
  bias("cls", spec_.hidden);
  matrix("cls.output", {spec_.hidden, spec_.n_labels}, 2);
  bias("cls.output", spec_.n_labels);
}

std::vector<ModelTensor> ListBuilder::build() {
  switch (spec_.architecture) {
    case Architecture::kLlama:
    case Architecture::kQwen2:
    case Architecture::kQwen3:
    case Architecture::kQwen3Moe:
      decoder();
      break;
    case Architecture::kGemma4:
    case Architecture::kGemmaEmbedding:
      gemma();
      break;
    case Architecture::kBert:
    case Architecture::kNomicBert:
      encoder();
      break;
  }
  return std::move(list_);
}

}  // namespace

uint64_t ModelTensor::n_elements() const {
  uint64_t n = 1;
  for (uint64_t d : dims) n *= d;
  return n;
}

std::vector<ModelTensor> list_tensors(const ModelSpec& spec) {
  return ListBuilder(spec).build();
}

}  // namespace hearth::catalogue
