#include "model/model.h"

#include <algorithm>
#include <cmath>

#include "model/families/family.h"
#include "model/pass.h"

namespace hearth::model {
namespace {

using tensor::TensorView;

// Angles in double: float positions times float frequencies lose whole turns in long contexts.
void fill_rope_tables(const Pass& pass) {
  for (int kind = 0; kind < 2; ++kind) {
    const RopeConfig& rope = pass.config.rope[kind];
    const int64_t n_pairs = rope.n_dims / 2;
    if (n_pairs == 0) continue;
    const VectorView factors = rope.uses_frequency_factors ? pass.weights.rope_factors : VectorView{};
    std::vector<double> frequency(static_cast<size_t>(n_pairs));
    for (int64_t i = 0; i < n_pairs; ++i) {
      const double factor = factors ? static_cast<double>(factors.data[i]) : 1.0;
      frequency[static_cast<size_t>(i)] =
          std::pow(rope.base, -2.0 * static_cast<double>(i) / static_cast<double>(rope.n_dims)) /
          (factor * rope.scale);
    }
    const TensorView cos = pass.view(pass.state.cos[kind]), sin = pass.view(pass.state.sin[kind]);
    for (int64_t row = 0; row < pass.n_rows(); ++row) {
      const double position = pass.rows.position[static_cast<size_t>(row)];
      for (int64_t i = 0; i < n_pairs; ++i) {
        const double angle = position * frequency[static_cast<size_t>(i)];
        cos.row(row)[i] = static_cast<float>(std::cos(angle));
        sin.row(row)[i] = static_cast<float>(std::sin(angle));
      }
    }
  }
}

void embed_tokens(Pass& pass) {
  const ModelConfig& config = pass.config;
  const Weights& weights = pass.weights;
  const TensorView x = pass.view(pass.state.x), y = pass.view(pass.state.y);
  pass.backend.embed(weights.token_embedding, pass.batch.tokens, 0, config.embedding_scale, x);
  if (config.token_type_embedding) {
    const std::vector<int32_t> first_type(pass.batch.token_types.empty() ? pass.batch.tokens.size() : 0, 0);
    const auto types = pass.batch.token_types.empty() ? std::span(first_type) : pass.batch.token_types;
    pass.backend.embed(weights.token_types, types, 0, 1, y);
    pass.backend.add(y, x);
  }
  if (config.position_embedding) {
    pass.backend.embed(weights.position_embedding, pass.rows.position, 0, 1, y);
    pass.backend.add(y, x);
  }
  if (config.embedding_norm) pass.norm(x, weights.embedding_norm, x);
}

// out = W·x + b of a single row.
void product(tensor::Backend& backend, std::vector<float>& x, const Linear& linear, std::vector<float>& out) {
  const auto row = [](std::vector<float>& values) {
    const auto n = static_cast<int64_t>(values.size());
    return TensorView{values.data(), 1, n, n};
  };
  const tensor::LinearOutput output{linear.weight, linear.bias, row(out)};
  backend.linear(row(x), {&output, 1});
}

}  // namespace

Result<std::unique_ptr<Model>> Model::load(const gguf::ModelFile& file) {
  HEARTH_TRY(ModelConfig config, read_config(file));
  HEARTH_TRY(Weights weights, Weights::bind(config, file));
  return std::unique_ptr<Model>(new Model(std::move(config), std::move(weights)));
}

Result<TensorView> Model::forward(const ForwardBatch& batch, RunState& state, tensor::Backend& backend,
                                  cluster::Communicator& communicator) const {
  Pass pass(config_, weights_, batch, state, backend, communicator);
  fill_rope_tables(pass);
  embed_tokens(pass);
  prepare_per_layer_inputs(pass);
  for (int64_t layer = 0; layer < config_.n_layers; ++layer) {
    HEARTH_CHECK_OK(attention_block(pass, layer));
    if (pass.n_rows() > 0) HEARTH_CHECK_OK(pass.drop_unwanted_rows());
    if (pass.n_rows() == 0) return TensorView{};
    HEARTH_CHECK_OK(feed_forward_block(pass, layer));
    HEARTH_CHECK_OK(pass.drop_unwanted_rows());
    if (pass.n_rows() == 0) return TensorView{};
    per_layer_block(pass, layer);
    const VectorView scale = weights_.layers[static_cast<size_t>(layer)].output_scale;
    if (scale) backend.multiply(scale.data[0], pass.view(state.x));
  }
  const TensorView x = pass.view(state.x), h = pass.view(state.h);
  if (config_.is_encoder) {
    if (config_.output_norm) pass.norm(x, weights_.output_norm, x);
    return x;
  }
  pass.norm(x, weights_.output_norm, h);
  if (batch.hidden_rows) return h;
  const TensorView logits = pass.view(state.logits);
  pass.linear(h, {weights_.output, {}}, logits);
  if (config_.final_logit_softcap > 0) backend.softcap(config_.final_logit_softcap, logits);
  return logits;
}

int64_t Model::pooled_width() const {
  return config_.dense_3_dim > 0 ? config_.dense_3_dim : config_.width;
}

std::vector<float> Model::vector_of(const PooledRows& rows, tensor::Backend& backend, bool normalise) const {
  std::vector<float> vector = rows.mean();
  if (weights_.dense_2) {
    std::vector<float> hidden(static_cast<size_t>(config_.dense_2_dim));
    std::vector<float> out(static_cast<size_t>(config_.dense_3_dim));
    product(backend, vector, {weights_.dense_2, {}}, hidden);
    product(backend, hidden, {weights_.dense_3, {}}, out);
    vector = std::move(out);
  }
  if (!normalise) return vector;
  double squares = 0;
  for (const float value : vector) squares += static_cast<double>(value) * static_cast<double>(value);
  const double norm = std::sqrt(squares);
  if (norm > 0) {
    for (float& value : vector) value = static_cast<float>(static_cast<double>(value) / norm);
  }
  return vector;
}

float Model::rank_score(const PooledRows& rows, tensor::Backend& backend) const {
  std::vector<float> pooled = rows.mean();
  if (weights_.rank_hidden.weight) {
    std::vector<float> hidden(pooled.size());
    product(backend, pooled, weights_.rank_hidden, hidden);
    for (float& value : hidden) value = std::tanh(value);
    pooled = std::move(hidden);
  }
  std::vector<float> labels(static_cast<size_t>(config_.n_labels));
  product(backend, pooled, weights_.rank_output, labels);
  // Two labels are "yes" and "no": the difference of their logits is the log odds of "yes".
  return labels.size() == 2 ? labels[0] - labels[1] : labels[0];
}

}  // namespace hearth::model
