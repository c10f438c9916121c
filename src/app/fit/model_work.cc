#include "app/fit/model_work.h"

#include <algorithm>
#include <charconv>

namespace hearth::app {

using model::AttentionKind;
using model::LayerConfig;

void ModelWork::add(std::string_view name, kernels::DType dtype, std::span<const uint64_t> dims,
                    const std::byte* data) {
  uint64_t n_rows = 1;
  for (size_t i = 1; i < dims.size(); ++i) n_rows *= dims[i];
  const auto n_in = static_cast<int64_t>(dims[0]);
  tensor::WeightView matrix{data, dtype, n_in, static_cast<int64_t>(n_rows), 1};
  weight_bytes_ += matrix.bytes();
  if (name == "token_embd.weight") {
    embedding_ = matrix;
    return;  // one row is looked up
  }
  if (dims.size() < 2 || name == "per_layer_token_embd.weight" || name == "position_embd.weight" ||
      name == "token_types.weight") {
    return;
  }
  int64_t layer = 0;
  if (name.starts_with("blk.")) std::from_chars(name.data() + 4, name.data() + name.size(), layer);
  if (name.find("_exps.weight") != name.npos && dims.size() == 3) {
    matrix.n_matrices = static_cast<int64_t>(dims[2]);
    matrix.n_out /= matrix.n_matrices;
    Experts& experts = experts_[layer];
    (name.find("ffn_gate_up") != name.npos ? experts.gate_up
     : name.find("ffn_gate") != name.npos  ? experts.gate
     : name.find("ffn_up") != name.npos    ? experts.up
                                           : experts.down) = matrix;
    return;
  }
  Product& product = products_[dtype];
  product.decode_bytes += static_cast<double>(matrix.bytes());
  product.matrices.push_back(matrix);
  if (name == "output.weight") {
    has_output_ = true;
    return;  // of the last row of a prompt only
  }
  // Behind the last layer with keys of its own a prompt is computed for its last row only.
  if (layer < n_prefill_layers()) {
    product.prefill_values += static_cast<double>(matrix.n_in) * static_cast<double>(matrix.n_out);
  }
}

void ModelWork::finish() {
  if (has_output_ || config_.is_encoder || embedding_.n_out == 0) return;
  Product& product = products_[embedding_.dtype];
  product.decode_bytes += static_cast<double>(embedding_.bytes());
  product.matrices.push_back(embedding_);
}

double ModelWork::expert_bytes() const {
  double bytes = 0;
  for (const auto& [layer, experts] : experts_) bytes += static_cast<double>(experts.bytes());
  return bytes == 0
             ? 0
             : bytes * static_cast<double>(config_.moe.n_used) / static_cast<double>(config_.moe.n_experts);
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

}  // namespace hearth::app
