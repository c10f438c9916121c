// What the families' checkpoints call things, and what GGUF calls them.
#include <charconv>
#include <cmath>
#include <numbers>
#include <set>

#include "base/checked.h"
#include "convert/checkpoint.h"
#include "gguf/limits.h"
#include "gguf/printable.h"

namespace hearth::convert {
namespace {

using kernels::DType;

constexpr auto kCorrupt = ErrorCategory::kCorrupt;
constexpr auto kUnsupported = ErrorCategory::kUnsupported;
constexpr uint64_t kMaxSize = 1 << 24;  // of any number in a configuration
constexpr uint64_t kMaxLayers = 1024, kMaxExperts = 4096;

struct Rename {
  std::string_view checkpoint, gguf;
};

// Of the model; behind "model.", or "model.language_model." where the text model is part of a larger one.
constexpr Rename kGlobalNames[] = {
    {"embed_tokens.weight", "token_embd.weight"},
    {"norm.weight", "output_norm.weight"},
    {"embed_tokens_per_layer.weight", "per_layer_token_embd.weight"},
    {"per_layer_model_projection.weight", "per_layer_model_proj.weight"},
    {"per_layer_projection_norm.weight", "per_layer_proj_norm.weight"},
};

// Of a layer, all families.
constexpr Rename kLayerNames[] = {
    {"input_layernorm.weight", "attn_norm.weight"},    {"self_attn.q_proj.weight", "attn_q.weight"},
    {"self_attn.k_proj.weight", "attn_k.weight"},      {"self_attn.v_proj.weight", "attn_v.weight"},
    {"self_attn.o_proj.weight", "attn_output.weight"}, {"self_attn.q_norm.weight", "attn_q_norm.weight"},
    {"self_attn.k_norm.weight", "attn_k_norm.weight"}, {"mlp.gate_proj.weight", "ffn_gate.weight"},
    {"mlp.up_proj.weight", "ffn_up.weight"},           {"mlp.down_proj.weight", "ffn_down.weight"},
};
constexpr Rename kPreNormNames[] = {
    {"self_attn.q_proj.bias", "attn_q.bias"},   {"self_attn.k_proj.bias", "attn_k.bias"},
    {"self_attn.v_proj.bias", "attn_v.bias"},   {"post_attention_layernorm.weight", "ffn_norm.weight"},
    {"mlp.gate.weight", "ffn_gate_inp.weight"},
};
constexpr Rename kGemma4Names[] = {
    {"post_attention_layernorm.weight", "post_attention_norm.weight"},
    {"pre_feedforward_layernorm.weight", "ffn_norm.weight"},
    {"post_feedforward_layernorm.weight", "post_ffw_norm.weight"},
    {"layer_scalar", "layer_output_scale.weight"},
    {"per_layer_input_gate.weight", "inp_gate.weight"},
    {"per_layer_projection.weight", "proj.weight"},
    {"post_per_layer_input_norm.weight", "post_norm.weight"},
    {"router.proj.weight", "ffn_gate_inp.weight"},
    {"router.scale", "ffn_gate_inp.scale"},
    {"router.per_expert_scale", "ffn_down_exps.scale"},
    {"pre_feedforward_layernorm_2.weight", "pre_ffw_norm_2.weight"},
    {"post_feedforward_layernorm_1.weight", "post_ffw_norm_1.weight"},
    {"post_feedforward_layernorm_2.weight", "post_ffw_norm_2.weight"},
    {"experts.gate_up_proj", "ffn_gate_up_exps.weight"},
    {"experts.down_proj", "ffn_down_exps.weight"},
};

template <size_t N>
std::string_view renamed(const Rename (&names)[N], std::string_view name) {
  for (const Rename& rename : names) {
    if (rename.checkpoint == name) return rename.gguf;
  }
  return {};
}

class FamilyConverter {
 public:
  FamilyConverter(const Checkpoint& checkpoint, ModelSource& source)
      : checkpoint_(checkpoint), source_(source), config_(&checkpoint.config()) {}

  Status convert();

 private:
  Status choose_family();
  Status add_sizes();
  Status add_experts_sizes();
  Status add_gemma4_sizes();
  Status add_rope(const Json* parameters, const std::string& suffix);
  Status add_llama3_factors(const Json& scaling, double base);
  Status add_tensors();
  Status add_tensor(std::string_view gguf_name, const SafeTensor& tensor);
  Status add_layer_tensor(uint64_t layer, std::string_view rest, const SafeTensor& tensor);
  Status add_expert(uint64_t layer, std::string_view rest, const SafeTensor& tensor);
  Status add_stacks();
  void add_float_tensor(std::string_view name, const std::vector<float>& values);

  std::string key(std::string_view name) const { return source_.architecture + "." + std::string(name); }
  bool is_gemma4() const { return source_.architecture == "gemma4"; }
  bool has_head_norms() const { return is_gemma4() || source_.architecture.starts_with("qwen3"); }
  Result<uint64_t> need(std::string_view name, uint64_t most = kMaxSize) const {
    return need_uint(*config_, name, most);
  }
  Result<uint64_t> get(std::string_view name, uint64_t otherwise, uint64_t most = kMaxSize) const {
    HEARTH_TRY(const auto value, get_uint(*config_, name, most));
    return value.value_or(otherwise);
  }

  const Checkpoint& checkpoint_;
  ModelSource& source_;
  const Json* config_;  // of the text model
  uint64_t n_layers_ = 0, n_heads_ = 0, n_kv_heads_ = 0, head_dim_ = 0, n_experts_ = 0;
  bool tied_ = false;
  // Experts that come one by one: their stack's name -> expert -> tensor.
  std::map<std::string, std::map<uint64_t, const SafeTensor*>> stacks_;
};

Status FamilyConverter::choose_family() {
  HEARTH_TRY(const auto type, get_string(*config_, "model_type"));
  if (!type) return fail(kCorrupt, "model_type is missing");
  if (*type == "gemma4" || *type == "gemma4_unified") {
    if (const Json* text = find_member(*config_, "text_config")) config_ = text;
    source_.architecture = "gemma4";
  } else if (*type == "gemma4_text" || *type == "gemma4_unified_text") {
    source_.architecture = "gemma4";
  } else if (*type == "qwen3_moe") {
    source_.architecture = "qwen3moe";
  } else if (*type == "llama" || *type == "qwen2" || *type == "qwen3") {
    source_.architecture = *type;
  } else {
    return fail(kUnsupported,
                "the model type {} cannot be converted; llama, qwen2, qwen3, qwen3_moe and gemma4 can",
                gguf::printable(*type));
  }
  return {};
}

Status FamilyConverter::add_rope(const Json* parameters, const std::string& suffix) {
  HEARTH_TRY(auto base, get_number(*config_, "rope_theta"));
  if (parameters != nullptr) {
    HEARTH_TRY(const auto own, get_number(*parameters, "rope_theta"));
    if (own) base = own;
  }
  const double theta = base.value_or(10000);
  source_.writer.add_float(key("rope.freq_base" + suffix), static_cast<float>(theta));
  if (parameters == nullptr) return {};
  HEARTH_TRY(auto type, get_string(*parameters, "rope_type"));
  if (!type) {
    HEARTH_TRY(type, get_string(*parameters, "type"));
  }
  if (!type || *type == "default" || (*type == "proportional" && is_gemma4())) return {};
  if (*type == "llama3") return add_llama3_factors(*parameters, theta);
  if (*type == "linear") {
    HEARTH_TRY(const auto factor, get_number(*parameters, "factor"));
    source_.writer.add_string(key("rope.scaling.type"), "linear");
    source_.writer.add_float(key("rope.scaling.factor"), static_cast<float>(factor.value_or(1)));
    return {};
  }
  return fail(kUnsupported, "position scaling of the type {} cannot be converted", gguf::printable(*type));
}

// Llama 3.1 divides the slow frequencies by a factor, and those between by something between.
Status FamilyConverter::add_llama3_factors(const Json& scaling, double base) {
  HEARTH_TRY(const auto factor, get_number(scaling, "factor"));
  HEARTH_TRY(const auto low, get_number(scaling, "low_freq_factor"));
  HEARTH_TRY(const auto high, get_number(scaling, "high_freq_factor"));
  HEARTH_TRY(const auto original, get_number(scaling, "original_max_position_embeddings"));
  if (!factor || !low || !high || !original || *factor <= 0 || *low <= 0 || *high <= *low || *original <= 0) {
    return fail(kCorrupt, "rope_scaling of the type llama3 without its numbers");
  }
  std::vector<float> factors;
  for (uint64_t i = 0; i < head_dim_ / 2; ++i) {
    const double frequency = std::pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim_));
    const double wavelength = 2 * std::numbers::pi / frequency;
    double value = *factor;
    if (wavelength < *original / *high) {
      value = 1;
    } else if (wavelength <= *original / *low) {
      const double smooth = (*original / wavelength - *low) / (*high - *low);
      value = 1 / ((1 - smooth) / *factor + smooth);
    }
    factors.push_back(static_cast<float>(value));
  }
  add_float_tensor("rope_freqs.weight", factors);
  return {};
}

Status FamilyConverter::add_experts_sizes() {
  HEARTH_TRY(n_experts_, get("num_experts", 0, kMaxExperts));
  if (n_experts_ == 0) return {};
  HEARTH_TRY(const uint64_t used, need(is_gemma4() ? "top_k_experts" : "num_experts_per_tok", n_experts_));
  HEARTH_TRY(const uint64_t width, need("moe_intermediate_size"));
  source_.writer.add_uint32(key("expert_count"), static_cast<uint32_t>(n_experts_));
  source_.writer.add_uint32(key("expert_used_count"), static_cast<uint32_t>(used));
  source_.writer.add_uint32(key("expert_feed_forward_length"), static_cast<uint32_t>(width));
  if (is_gemma4()) return {};
  HEARTH_TRY(const uint64_t period, get("decoder_sparse_step", 1));
  const Json* dense_layers = find_member(*config_, "mlp_only_layers");
  if (period != 1 || (dense_layers != nullptr && !dense_layers->empty())) {
    return fail(kUnsupported, "a mixture with layers that have no experts cannot be converted");
  }
  HEARTH_TRY(const auto renormalised, get_bool(*config_, "norm_topk_prob"));
  if (!renormalised.value_or(false)) {
    return fail(kUnsupported,
                "a mixture whose chosen experts are not renormalised (norm_topk_prob) cannot be "
                "converted");
  }
  return {};
}

Status FamilyConverter::add_gemma4_sizes() {
  const Json* types = find_member(*config_, "layer_types");
  if (types == nullptr || !types->is_array() || types->size() != n_layers_) {
    return fail(kCorrupt, "layer_types is not one name for each of {} layers", n_layers_);
  }
  HEARTH_TRY(const uint64_t global_dim, get("global_head_dim", head_dim_));
  HEARTH_TRY(const auto keys_are_values, get_bool(*config_, "attention_k_eq_v"));
  HEARTH_TRY(uint64_t global_kv, get("num_global_key_value_heads", n_kv_heads_));
  if (!keys_are_values.value_or(false)) global_kv = n_kv_heads_;
  HEARTH_TRY(const uint64_t shared, get("num_kv_shared_layers", 0, n_layers_));
  HEARTH_TRY(const uint64_t ffn, need("intermediate_size"));
  HEARTH_TRY(const auto wide, get_bool(*config_, "use_double_wide_mlp"));
  HEARTH_TRY(const uint64_t window, need("sliding_window"));
  HEARTH_TRY(const uint64_t per_layer, get("hidden_size_per_layer_input", 0));
  HEARTH_TRY(const auto softcap, get_number(*config_, "final_logit_softcapping"));

  std::vector<bool> sliding;
  std::vector<int32_t> kv_heads, widths;
  for (uint64_t i = 0; i < n_layers_; ++i) {
    const bool slides = (*types)[i] == "sliding_attention";
    if (!slides && (*types)[i] != "full_attention")
      return fail(kUnsupported, "layer_types: layer {} is neither sliding_attention nor full_attention", i);
    sliding.push_back(slides);
    kv_heads.push_back(static_cast<int32_t>(slides ? n_kv_heads_ : global_kv));
    widths.push_back(static_cast<int32_t>(wide.value_or(false) && i + shared >= n_layers_ ? 2 * ffn : ffn));
  }
  gguf::GgufWriter& writer = source_.writer;
  const auto number = [&](std::string_view name, uint64_t value) {
    writer.add_uint32(key(name), static_cast<uint32_t>(value));
  };
  writer.add_int_array(key("attention.head_count_kv"), kv_heads);
  writer.add_int_array(key("feed_forward_length"), widths);
  writer.add_bool_array(key("attention.sliding_window_pattern"), sliding);
  number("attention.sliding_window", window);
  number("attention.shared_kv_layers", shared);
  number("embedding_length_per_layer_input", per_layer);
  for (const std::string_view side : {"attention.key_length", "attention.value_length"}) {
    number(side, global_dim);
    number(std::string(side) + "_swa", head_dim_);
  }
  number("rope.dimension_count", global_dim);
  number("rope.dimension_count_swa", head_dim_);
  if (softcap) writer.add_float(key("final_logit_softcapping"), static_cast<float>(*softcap));

  const Json* rope = find_member(*config_, "rope_parameters");
  const Json* global = rope != nullptr ? find_member(*rope, "full_attention") : nullptr;
  const Json* local = rope != nullptr ? find_member(*rope, "sliding_attention") : nullptr;
  if (global == nullptr || local == nullptr) {
    return fail(kCorrupt, "rope_parameters has not both full_attention and sliding_attention");
  }
  HEARTH_CHECK_OK(add_rope(global, ""));
  HEARTH_CHECK_OK(add_rope(local, "_swa"));
  // Pairs beyond the rotated share stay where they are: their frequency is divided by something huge.
  HEARTH_TRY(const auto share, get_number(*global, "partial_rotary_factor"));
  const auto rotated =
      static_cast<uint64_t>(std::clamp(share.value_or(1), 0.0, 1.0) * static_cast<double>(global_dim / 2));
  std::vector<float> factors(global_dim / 2, 1.0f);
  std::fill(factors.begin() + static_cast<std::ptrdiff_t>(rotated), factors.end(), 1e30f);
  add_float_tensor("rope_freqs.weight", factors);
  return {};
}

Status FamilyConverter::add_sizes() {
  HEARTH_TRY(n_layers_, need("num_hidden_layers", kMaxLayers));
  HEARTH_TRY(const uint64_t width, need("hidden_size"));
  HEARTH_TRY(n_heads_, need("num_attention_heads", 4096));
  HEARTH_TRY(n_kv_heads_, get("num_key_value_heads", n_heads_, 4096));
  HEARTH_TRY(head_dim_, get("head_dim", width / n_heads_, 4096));
  HEARTH_TRY(const uint64_t context, need("max_position_embeddings"));
  HEARTH_TRY(const auto eps, get_number(*config_, "rms_norm_eps"));
  HEARTH_TRY(const auto activation, get_string(*config_, is_gemma4() ? "hidden_activation" : "hidden_act"));
  if (activation && *activation != (is_gemma4() ? "gelu_pytorch_tanh" : "silu")) {
    return fail(kUnsupported, "the activation {} cannot be converted", gguf::printable(*activation));
  }
  HEARTH_TRY(const auto tied, get_bool(*config_, "tie_word_embeddings"));
  if (n_kv_heads_ == 0 || head_dim_ == 0) return fail(kCorrupt, "no heads of keys and values");
  tied_ = tied.value_or(is_gemma4());
  source_.facts = {.architecture = {}, .n_layers = n_layers_, .n_heads = n_heads_, .n_kv_heads = n_kv_heads_};
  gguf::GgufWriter& writer = source_.writer;
  writer.add_string("general.architecture", source_.architecture);
  const auto number = [&](std::string_view name, uint64_t value) {
    writer.add_uint32(key(name), static_cast<uint32_t>(value));
  };
  number("block_count", n_layers_);
  number("context_length", context);
  number("embedding_length", width);
  number("attention.head_count", n_heads_);
  writer.add_float(key("attention.layer_norm_rms_epsilon"), static_cast<float>(eps.value_or(1e-6)));
  HEARTH_CHECK_OK(add_experts_sizes());
  source_.facts.n_experts = n_experts_;
  if (is_gemma4()) return add_gemma4_sizes();
  HEARTH_TRY(const uint64_t ffn, need("intermediate_size"));
  HEARTH_TRY(const auto slides, get_bool(*config_, "use_sliding_window"));
  if (slides.value_or(false))
    return fail(kUnsupported, "sliding windows (use_sliding_window) cannot be converted");
  number("feed_forward_length", ffn);
  number("attention.head_count_kv", n_kv_heads_);
  number("attention.key_length", head_dim_);
  number("attention.value_length", head_dim_);
  number("rope.dimension_count", head_dim_);
  const Json* rope = find_member(*config_, "rope_parameters");
  return add_rope(rope != nullptr ? rope : find_member(*config_, "rope_scaling"), "");
}

void FamilyConverter::add_float_tensor(std::string_view name, const std::vector<float>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  source_.owned.emplace_back(bytes.begin(), bytes.end());
  source_.tensors.push_back({.name = std::string(name),
                             .dtype = DType::kF32,
                             .kept_as = DType::kF32,
                             .dims = {values.size()},
                             .parts = {source_.owned.back()}});
}

Status FamilyConverter::add_tensor(std::string_view gguf_name, const SafeTensor& tensor) {
  const std::optional<DType> dtype = tensor.dtype == "F32"    ? std::optional(DType::kF32)
                                     : tensor.dtype == "F16"  ? std::optional(DType::kF16)
                                     : tensor.dtype == "BF16" ? std::optional(DType::kBF16)
                                                              : std::nullopt;
  if (!dtype) {
    return fail(kUnsupported, "tensor {}: values of type {} cannot be converted",
                gguf::printable(tensor.name), tensor.dtype);
  }
  std::vector<uint64_t> dims(tensor.shape.rbegin(), tensor.shape.rend());
  if (dims.empty()) dims.push_back(1);
  if (dims.size() > gguf::kMaxDims || tensor.bytes.empty()) {
    return fail(kCorrupt, "tensor {}: a shape that no weight has", gguf::printable(tensor.name));
  }
  const bool keeps_16_bits = gguf_name == "per_layer_model_proj.weight";
  SourceTensor added{.name = std::string(gguf_name),
                     .dtype = *dtype,
                     .kept_as = keeps_16_bits ? *dtype : DType::kF32,
                     .dims = std::move(dims),
                     .parts = {tensor.bytes}};
  if (source_.architecture == "llama") {
    if (gguf_name.ends_with("attn_q.weight")) added.paired_heads = n_heads_;
    if (gguf_name.ends_with("attn_k.weight")) added.paired_heads = n_kv_heads_;
    if (added.paired_heads > 0 && added.n_rows() % (2 * added.paired_heads) != 0) {
      return fail(kCorrupt, "tensor {}: {} rows are not {} heads", gguf::printable(tensor.name),
                  added.n_rows(), added.paired_heads);
    }
  }
  source_.tensors.push_back(std::move(added));
  return {};
}

// "3.gate_proj.weight" of layer 5: part of the stack "blk.5.ffn_gate_exps.weight".
Status FamilyConverter::add_expert(uint64_t layer, std::string_view rest, const SafeTensor& tensor) {
  uint64_t expert = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), expert);
  rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  constexpr Rename kNames[] = {{".gate_proj.weight", "ffn_gate_exps.weight"},
                               {".up_proj.weight", "ffn_up_exps.weight"},
                               {".down_proj.weight", "ffn_down_exps.weight"}};
  const std::string_view name = renamed(kNames, rest);
  if (error != std::errc() || name.empty() || expert >= n_experts_) {
    return fail(kUnsupported, "tensor {} is not known in a {} model", gguf::printable(tensor.name),
                source_.architecture);
  }
  stacks_[fmt::format("blk.{}.{}", layer, name)][expert] = &tensor;
  return {};
}

Status FamilyConverter::add_stacks() {
  for (const auto& [name, experts] : stacks_) {
    if (experts.size() != n_experts_) {
      return fail(kCorrupt, "{}: {} of {} experts are there", name, experts.size(), n_experts_);
    }
    const SafeTensor& first = *experts.begin()->second;
    HEARTH_CHECK_OK(add_tensor(name, first));
    SourceTensor& stack = source_.tensors.back();
    stack.parts.clear();
    for (const auto& [expert, tensor] : experts) {
      if (tensor->shape != first.shape || tensor->dtype != first.dtype) {
        return fail(kCorrupt, "tensor {}: another shape or type than {}", gguf::printable(tensor->name),
                    gguf::printable(first.name));
      }
      stack.parts.push_back(tensor->bytes);
    }
    stack.dims.push_back(n_experts_);
  }
  return {};
}

Status FamilyConverter::add_layer_tensor(uint64_t layer, std::string_view rest, const SafeTensor& tensor) {
  if (layer >= n_layers_) {
    return fail(kCorrupt, "tensor {}: there are {} layers", gguf::printable(tensor.name), n_layers_);
  }
  if (rest == "self_attn.rotary_emb.inv_freq") return {};  // follows from the configuration
  constexpr std::string_view kExperts = "mlp.experts.";
  if (!is_gemma4() && rest.starts_with(kExperts)) {
    return add_expert(layer, rest.substr(kExperts.size()), tensor);
  }
  std::string_view name = renamed(kLayerNames, rest);
  if (name.empty()) name = is_gemma4() ? renamed(kGemma4Names, rest) : renamed(kPreNormNames, rest);
  const bool foreign =
      (name.ends_with(".bias") && source_.architecture != "qwen2") ||
      (name == "ffn_gate_inp.weight" && n_experts_ == 0) ||
      (rest.find("_norm.") != rest.npos && rest.starts_with("self_attn.") && !has_head_norms());
  if (name.empty() || foreign) {
    return fail(kUnsupported, "tensor {} is not known in a {} model", gguf::printable(tensor.name),
                source_.architecture);
  }
  return add_tensor(fmt::format("blk.{}.{}", layer, name), tensor);
}

// Every tensor must be known, so that nothing a model needs is left out; save other parts of larger models
// (images, sound), which are not text.
Status FamilyConverter::add_tensors() {
  const bool nested = checkpoint_.find("model.language_model.embed_tokens.weight") != nullptr;
  const std::string prefix = nested ? "model.language_model." : "model.";
  const std::string layers = prefix + "layers.";
  for (const auto& [name, tensor] : checkpoint_.tensors()) {
    std::string_view rest = name;
    if (rest == "lm_head.weight") {
      if (!tied_) HEARTH_CHECK_OK(add_tensor("output.weight", *tensor));
    } else if (rest.starts_with(layers)) {
      rest.remove_prefix(layers.size());
      uint64_t layer = 0;
      const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), layer);
      if (error != std::errc() || end == rest.data() + rest.size() || *end != '.') {
        return fail(kCorrupt, "tensor {}: not the name of a layer's part", gguf::printable(name));
      }
      rest.remove_prefix(static_cast<size_t>(end - rest.data()) + 1);
      HEARTH_CHECK_OK(add_layer_tensor(layer, rest, *tensor));
    } else if (rest.starts_with(prefix)) {
      rest.remove_prefix(prefix.size());
      const std::string_view known = renamed(kGlobalNames, rest);
      if (known.empty()) {
        return fail(kUnsupported, "tensor {} is not known in a {} model", gguf::printable(name),
                    source_.architecture);
      }
      HEARTH_CHECK_OK(add_tensor(known, *tensor));
    } else if (!nested) {
      return fail(kUnsupported, "tensor {} is not known in a {} model", gguf::printable(name),
                  source_.architecture);
    }
  }
  HEARTH_CHECK_OK(add_stacks());
  std::set<std::string_view> present;
  for (const SourceTensor& tensor : source_.tensors) present.insert(tensor.name);
  for (const std::string_view name : {"token_embd.weight", "output_norm.weight"}) {
    if (!present.contains(name)) return fail(kCorrupt, "the checkpoint has no {}", name);
  }
  for (uint64_t layer = 0; layer < n_layers_; ++layer) {
    for (const std::string_view part : {"attn_norm", "attn_q", "attn_output", "ffn_norm"}) {
      if (!present.contains(fmt::format("blk.{}.{}.weight", layer, part))) {
        return fail(kCorrupt, "the checkpoint has no {} of layer {}", part, layer);
      }
    }
  }
  return {};
}

Status FamilyConverter::convert() {
  HEARTH_CHECK_OK(choose_family());
  HEARTH_CHECK_OK(add_sizes());
  return add_tensors();
}

}  // namespace

Status add_model(const Checkpoint& checkpoint, ModelSource& source) {
  return FamilyConverter(checkpoint, source).convert();
}

}  // namespace hearth::convert
