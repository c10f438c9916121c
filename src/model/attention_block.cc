// Attention with grouped queries (arXiv:2305.13245) over paged keys and values.
#include "model/pass.h"

namespace hearth::model {
namespace {

using tensor::TensorView;

void normalise_heads(const Pass& pass, TensorView x, int64_t head_dim, const Norm& norm) {
  const TensorView heads = x.split_rows(head_dim);
  pass.backend.rms_norm(heads, norm.weight, pass.config.norm_eps, heads);
}

void rotate(const Pass& pass, TensorView x, const LayerConfig& layer) {
  const auto kind = static_cast<int>(layer.kind);
  if (pass.config.rope[kind].n_dims == 0) return;
  pass.backend.rope(x, layer.head_dim, pass.config.interleaved_rope, pass.view(pass.state.cos[kind]),
                    pass.view(pass.state.sin[kind]));
}

// Raw k and v -> the cache.
void finish_keys_and_values(const Pass& pass, TensorView k, TensorView v, const LayerConfig& layer,
                            const LayerWeights& weights, const tensor::KvLayer& kv) {
  if (!weights.v.weight) pass.backend.copy(k, v);  // before the keys' norm and rotation
  if (weights.k_norm.weight) normalise_heads(pass, k, layer.head_dim, weights.k_norm);
  if (pass.config.value_norm) normalise_heads(pass, v, layer.head_dim, {});
  rotate(pass, k, layer);
  pass.backend.store_kv(k, v, kv, pass.rows);
}

// From here on only requested rows are computed: moves them to the front of the residual stream and `h`, and
// the rotary tables with them.
void keep_requested_rows(Pass& pass) {
  RunState& state = pass.state;
  const auto wanted = pass.output_rows;
  state.output_sequence.clear();
  state.output_position.clear();
  for (const int32_t row : wanted) {
    state.output_sequence.push_back(pass.rows.sequence[static_cast<size_t>(row)]);
    state.output_position.push_back(pass.rows.position[static_cast<size_t>(row)]);
  }
  for (const TensorView& buffer :
       {state.x, state.h, state.cos[0], state.sin[0], state.cos[1], state.sin[1]}) {
    if (buffer.n_cols > 0) pass.backend.gather_rows(pass.view(buffer), wanted, buffer);
  }
  pass.rows.sequence = state.output_sequence;
  pass.rows.position = state.output_position;
  pass.narrowed = true;
}

}  // namespace

Status attention_block(Pass& pass, int64_t index) {
  const ModelConfig& config = pass.config;
  const LayerConfig& layer = config.layers[static_cast<size_t>(index)];
  const LayerWeights& weights = pass.weights.layers[static_cast<size_t>(index)];
  const tensor::KvLayer& kv = pass.batch.kv[static_cast<size_t>(index)];
  RunState& state = pass.state;
  const int64_t q_width = layer.n_heads * layer.head_dim, kv_width = layer.n_kv_heads * layer.head_dim;
  const bool post = config.norm_place == NormPlace::kPost;

  TensorView h = pass.view(state.h);
  if (post) {
    pass.backend.copy(pass.view(state.x), h);
  } else {
    pass.norm(pass.view(state.x), weights.attn_norm, h);
  }

  std::vector<tensor::LinearOutput> products;
  const bool owns_kv = layer.kv_layer == index;
  const bool narrows = index == config.last_kv_layer() && !config.is_encoder &&
                       static_cast<int64_t>(pass.output_rows.size()) < pass.n_rows();
  TensorView q = pass.view(state.q, q_width);
  if (!narrows) products.push_back({weights.q.weight, weights.q.bias, q});
  if (owns_kv) {
    const TensorView k = pass.view(state.k, kv_width), v = pass.view(state.v, kv_width);
    products.push_back({weights.k.weight, weights.k.bias, k});
    if (weights.v.weight) products.push_back({weights.v.weight, weights.v.bias, v});
    pass.backend.linear(h, products);
    finish_keys_and_values(pass, k, v, layer, weights, kv);
  } else {
    pass.backend.linear(h, products);
  }
  if (narrows) {
    keep_requested_rows(pass);
    if (pass.n_rows() == 0) return {};
    h = pass.view(state.h);
    q = pass.view(state.q, q_width);
    pass.linear(h, weights.q, q);
  }

  if (weights.q_norm.weight) normalise_heads(pass, q, layer.head_dim, weights.q_norm);
  rotate(pass, q, layer);
  const TensorView attended = pass.view(state.attention, q_width);
  pass.backend.attention(
      {.q = q,
       .kv = &kv,
       .rows = &pass.rows,
       .n_heads = static_cast<int>(layer.n_heads),
       .scale = config.attention_scale,
       .softcap = config.attention_softcap,
       .window = layer.kind == AttentionKind::kSliding ? static_cast<int>(config.sliding_window) : 0,
       .causal = config.causal,
       .out = attended});
  const TensorView y = pass.view(state.y), x = pass.view(state.x);
  HEARTH_CHECK_OK(pass.linear_summed(attended, weights.attn_output, y));
  if (weights.post_attention_norm.weight) pass.norm(y, weights.post_attention_norm, y);
  pass.backend.add(y, x);
  if (post) pass.norm(x, weights.attn_norm, x);
  return {};
}

}  // namespace hearth::model
