#include "app/fit/model_work.h"

#include <algorithm>
#include <charconv>

namespace hearth::app {

using model::AttentionKind;
using model::LayerConfig;

void ModelWork::add(std::string_view name, kernels::DType dtype, uint64_t n_elements, uint64_t n_dims) {
  const auto bytes = static_cast<double>(kernels::row_bytes(dtype, n_elements));
  weight_bytes_ += static_cast<uint64_t>(bytes);
  if (name == "token_embd.weight") {
    embedding_dtype_ = dtype;
    embedding_bytes_ = bytes;
    return;  // one row is looked up
  }
  if (n_dims < 2 || name == "per_layer_token_embd.weight" || name == "position_embd.weight" ||
      name == "token_types.weight") {
    return;
  }
  double share = 1;
  if (name.find("_exps.") != name.npos) {
    share = static_cast<double>(config_.moe.n_used) / static_cast<double>(config_.moe.n_experts);
  }
  Product& product = products_[dtype];
  product.decode_bytes += bytes * share;
  if (name == "output.weight") {
    has_output_ = true;
    return;  // of the last row of a prompt only
  }
  // Behind the last layer with keys of its own a prompt is computed for its last row only.
  int64_t layer = 0;
  if (name.starts_with("blk.")) std::from_chars(name.data() + 4, name.data() + name.size(), layer);
  if (layer < n_prefill_layers()) product.prefill_values += static_cast<double>(n_elements) * share;
}

void ModelWork::finish() {
  if (!has_output_ && !config_.is_encoder) products_[embedding_dtype_].decode_bytes += embedding_bytes_;
}

int64_t ModelWork::visible(const LayerConfig& layer, int64_t depth) const {
  const bool sliding = layer.kind == AttentionKind::kSliding && config_.sliding_window > 0;
  return sliding ? std::min(depth, config_.sliding_window) : depth;
}

double ModelWork::cache_bytes(int64_t depth) const {
  double bytes = 0;
  for (const LayerConfig& layer : config_.layers) {
    const size_t row = kernels::row_bytes(kv_dtype_, static_cast<size_t>(layer.head_dim));
    bytes += 2.0 * static_cast<double>(row) * static_cast<double>(layer.n_kv_heads * visible(layer, depth));
  }
  return bytes;
}

double ModelWork::attention_macs(int64_t depth) const {
  double macs = 0;
  for (int64_t i = 0; i < n_prefill_layers(); ++i) {
    const LayerConfig& layer = config_.layers[static_cast<size_t>(i)];
    macs += 2.0 * static_cast<double>(layer.n_heads * layer.head_dim * visible(layer, depth));
  }
  return macs;
}

double ModelWork::element_operations() const {
  double values = 0;
  for (int64_t i = 0; i < n_prefill_layers(); ++i) {
    const LayerConfig& layer = config_.layers[static_cast<size_t>(i)];
    const int64_t experts = config_.moe.n_used * config_.moe.ffn_dim;
    // Two norms and two sums of the stream, rotation of q and k, the activation.
    values +=
        static_cast<double>(4 * config_.width + 2 * (layer.n_heads + layer.n_kv_heads) * layer.head_dim +
                            2 * (layer.ffn_dim + experts));
  }
  return values;
}

int64_t ModelWork::n_operations() const {
  constexpr int64_t kPerLayer = 11;  // products, norms, rotations, store, attention, activation, sums
  return kPerLayer * config_.n_layers + 3;
}

}  // namespace hearth::app
