// Per-layer embeddings of Gemma 4 E2B and E4B: each token has a small vector for every layer, made from a
// second embedding table and a projection of the token's input.
#include <cmath>

#include "model/pass.h"

namespace hearth::model {
namespace {

using tensor::TensorView;

// p = (P[token]·√dim + norm(W·x/√width)) / √2 for the layers [first, first + count): rows of `x` and
// `tokens`.
void make_inputs(const Pass& pass, TensorView x, std::span<const int32_t> tokens, int64_t first,
                 int64_t count, TensorView out) {
  const int64_t dim = pass.config.per_layer_input_dim;
  const Weights& weights = pass.weights;
  pass.linear(x, {weights.per_layer_model_projection.rows(first * dim, count * dim), {}}, out);
  const TensorView slices = out.split_rows(dim);
  pass.backend.multiply(1.0f / std::sqrt(static_cast<float>(pass.config.width)), slices);
  pass.norm(slices, weights.per_layer_projection_norm, slices);
  // The table's rows are added one layer at a time through a small buffer.
  for (int64_t layer = 0; layer < count; ++layer) {
    const TensorView embedded{pass.state.per_layer_slice.data, x.n_rows, dim, dim};
    pass.backend.embed(weights.per_layer_embedding, tokens, (first + layer) * dim,
                       std::sqrt(static_cast<float>(dim)), embedded);
    pass.backend.add(embedded, out.cols(layer * dim, dim));
  }
  pass.backend.multiply(1.0f / std::sqrt(2.0f), out);
}

}  // namespace

void prepare_per_layer_inputs(Pass& pass) {
  const ModelConfig& config = pass.config;
  const int64_t dim = config.per_layer_input_dim;
  if (dim == 0) return;
  const int64_t early = config.last_kv_layer() + 1, late = config.n_layers - early;
  make_inputs(pass, pass.view(pass.state.x), pass.batch.tokens, 0, early,
              pass.view(pass.state.per_layer_early, early * dim));
  const auto n_outputs = static_cast<int64_t>(pass.batch.output_rows.size());
  if (late == 0 || n_outputs == 0) return;
  // The layers behind the last owner of keys see requested rows only.
  std::vector<int32_t> tokens;
  for (const int32_t row : pass.batch.output_rows)
    tokens.push_back(pass.batch.tokens[static_cast<size_t>(row)]);
  const TensorView requested{pass.state.h.data, n_outputs, config.width, config.width};
  pass.backend.gather_rows(pass.view(pass.state.x), pass.batch.output_rows, requested);
  make_inputs(pass, requested, tokens, early, late,
              {pass.state.per_layer_late.data, n_outputs, late * dim, late * dim});
}

void per_layer_block(Pass& pass, int64_t index) {
  const ModelConfig& config = pass.config;
  const int64_t dim = config.per_layer_input_dim;
  if (dim == 0) return;
  const LayerWeights& weights = pass.weights.layers[static_cast<size_t>(index)];
  const int64_t early = config.last_kv_layer() + 1;
  const TensorView x = pass.view(pass.state.x), y = pass.view(pass.state.y);
  const TensorView gate = pass.view(pass.state.per_layer_gate);

  TensorView input;
  if (index >= early) {
    const int64_t width = (config.n_layers - early) * dim;
    input = pass.view(pass.state.per_layer_late, width).cols((index - early) * dim, dim);
  } else {
    // All rows were prepared; this layer may already have been narrowed to the requested ones.
    const TensorView all{pass.state.per_layer_early.data, pass.n_all_rows, early * dim, early * dim};
    input = all.cols(index * dim, dim);
    if (pass.narrowed) {
      const TensorView slice = pass.view(pass.state.per_layer_slice);
      pass.backend.gather_rows(input, pass.output_rows, slice);
      input = slice;
    }
  }
  pass.linear(x, {weights.per_layer_gate, {}}, gate);
  pass.backend.gated_activation(config.activation, gate, input, gate);
  pass.linear(gate, {weights.per_layer_projection, {}}, y);
  pass.norm(y, weights.per_layer_post_norm, y);
  pass.backend.add(y, x);
}

}  // namespace hearth::model
