// What the blocks of one forward pass share: the model's data, the buffers, the device and the rows that are
// still being computed.
#pragma once

#include <vector>

#include "cluster/communicator.h"
#include "model/model.h"

namespace hearth::model {

struct Pass {
  Pass(const ModelConfig& config, const Weights& weights, const ForwardBatch& batch, RunState& state,
       tensor::Backend& backend, cluster::Communicator& communicator)
      : config(config),
        weights(weights),
        batch(batch),
        state(state),
        backend(backend),
        communicator(communicator),
        rows(batch.rows),
        output_rows(batch.output_rows),
        n_all_rows(rows.n_rows()) {}

  const ModelConfig& config;
  const Weights& weights;
  const ForwardBatch& batch;
  RunState& state;
  tensor::Backend& backend;
  cluster::Communicator& communicator;
  tensor::RowMap rows;  // all rows at first; the requested ones after the last layer that owns keys
  std::span<const int32_t> output_rows;  // numbers among all rows
  int64_t n_all_rows;                    // before the cut to the requested ones
  bool narrowed = false;                 // that cut was made

  int64_t n_rows() const { return rows.n_rows(); }
  // The first n_rows() rows and n_cols columns of a buffer, packed.
  tensor::TensorView view(const tensor::TensorView& buffer, int64_t n_cols) const {
    return {buffer.data, n_rows(), n_cols, n_cols};
  }
  tensor::TensorView view(const tensor::TensorView& buffer) const { return view(buffer, buffer.n_cols); }

  // The configuration's kind of norm; x where the weight is not there.
  void norm(tensor::TensorView x, const Norm& norm, tensor::TensorView out) const;
  void linear(tensor::TensorView x, const Linear& linear, tensor::TensorView out) const;
  // A product whose weight rows may be split over ranks: every rank gets the sum.
  Status linear_summed(tensor::TensorView x, const Linear& linear, tensor::TensorView out) const;
  // Between the halves of layers, where a row is nothing but its residual stream: leaves out what is not
  // wanted any more. kCancelled when that is everything.
  Status drop_unwanted_rows();

 private:
  std::vector<int32_t> sequence_, position_, output_rows_;  // of the rows that are left
};

// x: [rows, width] in state.x, in and out. Attention also narrows pass.rows when it passes the last owner of
// keys and values; with no rows left the pass is over.
Status attention_block(Pass& pass, int64_t layer);
Status feed_forward_block(Pass& pass, int64_t layer);

// Gemma 4's per-layer embeddings: the inputs of all layers are made first, each layer then mixes its own in.
void prepare_per_layer_inputs(Pass& pass);
void per_layer_block(Pass& pass, int64_t layer);

}  // namespace hearth::model
