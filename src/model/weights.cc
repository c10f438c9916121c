#include "model/weights.h"

namespace hearth::model {
namespace {

using kernels::DType;

// Finds tensors by name and checks them; the first problem is kept and everything after it is skipped, so
// that the binding below reads as a list.
class Binder {
 public:
  explicit Binder(const gguf::ModelFile& file) : file_(file) {}

  void set_layer(int64_t layer) { prefix_ = fmt::format("blk.{}.", layer); }
  void clear_layer() { prefix_.clear(); }
  Status status() && {
    if (error_) return propagate(std::move(*error_));
    return {};
  }

  bool has(std::string_view name) const { return file_.find_tensor(prefix_ + std::string(name)) != nullptr; }

  WeightView matrix(std::string_view name, int64_t n_in, int64_t n_out, int64_t n_matrices = 1) {
    const gguf::TensorInfo* info = require(name);
    if (info == nullptr) return {};
    const uint64_t expected[4] = {static_cast<uint64_t>(n_in), static_cast<uint64_t>(n_out),
                                  static_cast<uint64_t>(n_matrices), 1};
    if (!check_shape(*info, expected)) return {};
    return {info->bytes.data(), info->dtype, n_in, n_out, n_matrices};
  }

  VectorView vector(std::string_view name, int64_t size) {
    const gguf::TensorInfo* info = require(name);
    if (info == nullptr) return {};
    const uint64_t expected[4] = {static_cast<uint64_t>(size), 1, 1, 1};
    if (!check_shape(*info, expected)) return {};
    if (info->dtype != DType::kF32) {
      set_error(ErrorCategory::kUnsupported, fmt::format("tensor {}: type {}, parameter vectors must be F32",
                                                         info->name, kernels::traits_of(info->dtype).name));
      return {};
    }
    return {reinterpret_cast<const float*>(info->bytes.data()), size};
  }

  Norm norm(std::string_view name, int64_t size, bool bias = false) {
    Norm norm{vector(std::string(name) + ".weight", size), {}};
    if (bias) norm.bias = vector(std::string(name) + ".bias", size);
    return norm;
  }

  Linear linear(std::string_view name, int64_t n_in, int64_t n_out, bool bias) {
    Linear linear{matrix(std::string(name) + ".weight", n_in, n_out), {}};
    if (bias) linear.bias = vector(std::string(name) + ".bias", n_out);
    return linear;
  }

 private:
  const gguf::TensorInfo* require(std::string_view name) {
    if (error_) return nullptr;
    const gguf::TensorInfo* info = file_.find_tensor(prefix_ + std::string(name));
    if (info == nullptr)
      set_error(ErrorCategory::kCorrupt, fmt::format("tensor {}{} is missing", prefix_, name));
    return info;
  }

  bool check_shape(const gguf::TensorInfo& info, const uint64_t (&expected)[4]) {
    if (std::equal(std::begin(expected), std::end(expected), std::begin(info.dims))) return true;
    std::string wanted = fmt::format("{}", expected[0]);
    for (int i = 1; i < 4 && expected[i] != 1; ++i) wanted += fmt::format(" x {}", expected[i]);
    set_error(ErrorCategory::kCorrupt,
              fmt::format("tensor {}: shape {}, expected {}", info.name, info.shape_string(), wanted));
    return false;
  }

  void set_error(ErrorCategory category, std::string message) {
    if (!error_) error_ = Error{category, std::move(message)};
  }

  const gguf::ModelFile& file_;
  std::string prefix_;
  std::optional<Error> error_;
};

void bind_attention(Binder& bind, const ModelConfig& config, int64_t index, LayerWeights& layer) {
  const LayerConfig& shape = config.layers[static_cast<size_t>(index)];
  const int64_t q_width = shape.n_heads * shape.head_dim, kv_width = shape.n_kv_heads * shape.head_dim;
  const bool owns_kv = shape.kv_layer == index;
  const bool bias = config.qkv_bias || config.linear_bias;
  if (bind.has("attn_qkv.weight") && owns_kv) {
    const WeightView qkv = bind.matrix("attn_qkv.weight", config.width, q_width + 2 * kv_width);
    if (qkv) {
      layer.q.weight = qkv.rows(0, q_width);
      layer.k.weight = qkv.rows(q_width, kv_width);
      layer.v.weight = qkv.rows(q_width + kv_width, kv_width);
    }
    if (bias) {
      const VectorView b = bind.vector("attn_qkv.bias", q_width + 2 * kv_width);
      if (b) {
        layer.q.bias = {b.data, q_width};
        layer.k.bias = {b.data + q_width, kv_width};
        layer.v.bias = {b.data + q_width + kv_width, kv_width};
      }
    }
  } else {
    layer.q = bind.linear("attn_q", config.width, q_width, bias);
    if (owns_kv) {
      layer.k = bind.linear("attn_k", config.width, kv_width, bias);
      if (!config.value_from_key || bind.has("attn_v.weight")) {
        layer.v = bind.linear("attn_v", config.width, kv_width, bias);
      }
    }
  }
  layer.attn_output = bind.linear("attn_output", q_width, config.width, config.linear_bias);
  if (config.qk_norm) {
    layer.q_norm = bind.norm("attn_q_norm", shape.head_dim);
    if (owns_kv) layer.k_norm = bind.norm("attn_k_norm", shape.head_dim);
  }
}

void bind_experts(Binder& bind, const ModelConfig& config, MoeWeights& moe) {
  const MoeConfig& shape = config.moe;
  moe.router = bind.matrix("ffn_gate_inp.weight", config.width, shape.n_experts);
  if (bind.has("ffn_gate_up_exps.weight")) {
    moe.gate_up = bind.matrix("ffn_gate_up_exps.weight", config.width, 2 * shape.ffn_dim, shape.n_experts);
  } else {
    moe.gate = bind.matrix("ffn_gate_exps.weight", config.width, shape.ffn_dim, shape.n_experts);
    moe.up = bind.matrix("ffn_up_exps.weight", config.width, shape.ffn_dim, shape.n_experts);
  }
  moe.down = bind.matrix("ffn_down_exps.weight", shape.ffn_dim, config.width, shape.n_experts);
  if (!shape.beside_dense) return;
  moe.router_scale = bind.vector("ffn_gate_inp.scale", config.width);
  moe.expert_scale = bind.vector("ffn_down_exps.scale", shape.n_experts);
  moe.pre_norm = bind.norm("pre_ffw_norm_2", config.width);
  moe.dense_post_norm = bind.norm("post_ffw_norm_1", config.width);
  moe.post_norm = bind.norm("post_ffw_norm_2", config.width);
}

void bind_layer(Binder& bind, const ModelConfig& config, int64_t index, LayerWeights& layer) {
  const LayerConfig& shape = config.layers[static_cast<size_t>(index)];
  const bool post = config.norm_place == NormPlace::kPost, norm_bias = config.norm == NormKind::kLayer;
  layer.attn_norm = bind.norm(post ? "attn_output_norm" : "attn_norm", config.width, norm_bias);
  layer.ffn_norm = bind.norm(post ? "layer_output_norm" : "ffn_norm", config.width, norm_bias);
  if (config.norm_place == NormPlace::kSandwich) {
    layer.post_attention_norm = bind.norm("post_attention_norm", config.width);
    layer.post_ffw_norm = bind.norm("post_ffw_norm", config.width);
  }
  bind_attention(bind, config, index, layer);
  if (shape.ffn_dim > 0) {
    if (config.gated_ffn)
      layer.gate = bind.linear("ffn_gate", config.width, shape.ffn_dim, config.linear_bias);
    layer.up = bind.linear("ffn_up", config.width, shape.ffn_dim, config.linear_bias);
    layer.down = bind.linear("ffn_down", shape.ffn_dim, config.width, config.linear_bias);
  }
  if (config.moe.n_experts > 0) bind_experts(bind, config, layer.moe);
  if (config.per_layer_input_dim > 0) {
    layer.per_layer_gate = bind.matrix("inp_gate.weight", config.width, config.per_layer_input_dim);
    layer.per_layer_projection = bind.matrix("proj.weight", config.per_layer_input_dim, config.width);
    layer.per_layer_post_norm = bind.norm("post_norm", config.width);
  }
  if (config.layer_scale) layer.output_scale = bind.vector("layer_output_scale.weight", 1);
}

}  // namespace

Result<Weights> Weights::bind(const ModelConfig& config, const gguf::ModelFile& file) {
  Weights weights;
  Binder bind(file);
  const bool norm_bias = config.norm == NormKind::kLayer;
  weights.token_embedding = bind.matrix("token_embd.weight", config.width, config.vocab_size);
  if (config.token_type_embedding) weights.token_types = bind.matrix("token_types.weight", config.width, 2);
  if (config.position_embedding) {
    weights.position_embedding = bind.matrix("position_embd.weight", config.width, config.context_length);
  }
  if (config.embedding_norm) weights.embedding_norm = bind.norm("token_embd_norm", config.width, norm_bias);
  if (config.per_layer_input_dim > 0) {
    const int64_t total = config.per_layer_input_dim * config.n_layers;
    weights.per_layer_embedding = bind.matrix("per_layer_token_embd.weight", total, config.vocab_size);
    weights.per_layer_model_projection = bind.matrix("per_layer_model_proj.weight", config.width, total);
    weights.per_layer_projection_norm = bind.norm("per_layer_proj_norm", config.per_layer_input_dim);
  }
  for (const RopeConfig& rope : config.rope) {
    if (rope.uses_frequency_factors && bind.has("rope_freqs.weight")) {
      weights.rope_factors = bind.vector("rope_freqs.weight", rope.n_dims / 2);
    }
  }
  weights.layers.resize(static_cast<size_t>(config.n_layers));
  for (int64_t i = 0; i < config.n_layers; ++i) {
    bind.set_layer(i);
    bind_layer(bind, config, i, weights.layers[static_cast<size_t>(i)]);
  }
  bind.clear_layer();
  if (config.output_norm) weights.output_norm = bind.norm("output_norm", config.width, norm_bias);
  if (!config.is_encoder) {
    weights.output = bind.has("output.weight") ? bind.matrix("output.weight", config.width, config.vocab_size)
                                               : weights.token_embedding;
  }
  if (config.dense_2_dim > 0) {
    weights.dense_2 = bind.matrix("dense_2.weight", config.width, config.dense_2_dim);
    weights.dense_3 = bind.matrix("dense_3.weight", config.dense_2_dim, config.dense_3_dim);
  }
  if (config.ranks()) {
    if (bind.has("cls.weight")) {
      weights.rank_hidden = bind.linear("cls", config.width, config.width, bind.has("cls.bias"));
    }
    weights.rank_output =
        bind.linear("cls.output", config.width, config.n_labels, bind.has("cls.output.bias"));
  }
  HEARTH_CHECK_OK(std::move(bind).status());
  return weights;
}

}  // namespace hearth::model
