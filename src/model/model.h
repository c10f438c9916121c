// A loaded model: configuration and weights, immutable, and the forward pass over them.
//
// Thread rules: the object is immutable after load(); forward() may run on one thread at a time per RunState
// and Backend.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "cluster/communicator.h"
#include "gguf/model_file.h"
#include "model/model_config.h"
#include "model/pooled_rows.h"
#include "model/run_state.h"
#include "model/weights.h"

namespace hearth::model {

// What one pass computes: rows of tokens, those of a sequence adjacent and in order of position.
struct ForwardBatch {
  std::span<const int32_t> tokens;  // [rows]
  tensor::RowMap rows;
  // Ascending row numbers whose logits are wanted; may be empty. An encoder gives all rows.
  std::span<const int32_t> output_rows;
  // By layer; layers that share another's cache have the donor's entry.
  std::span<const tensor::KvLayer> kv;
  // Of a decoder: the final hidden rows are wanted, not logits.
  bool hidden_rows = false;
  // BERT's token types, [rows] of 0 or 1; empty = all 0. Other models have none and take no notice.
  std::span<const int32_t> token_types{};
  // Set from any thread; looked at between the halves of layers. nullptr = never. The pass then asks
  // `still_wanted` and goes on with those rows; with none, or nobody to ask, it ends with kCancelled.
  const std::atomic<bool>* interrupted = nullptr;
  // On the thread that runs the pass: rising numbers of rows, counted over those that are left. A sequence
  // keeps all of its rows or none, and `output_rows` the rest of theirs, in order.
  std::function<std::vector<int32_t>()> still_wanted{};
};

class Model {
 public:
  // Borrows `file`, which must outlive the model.
  static Result<std::unique_ptr<Model>> load(const gguf::ModelFile& file);

  const ModelConfig& config() const { return config_; }
  const Weights& weights() const { return weights_; }

  // Decoders: logits [output_rows, vocab_size], or hidden rows [output_rows, width] after the output norm
  // where the batch says so. Encoders: final hidden rows [rows, width]. The view lives in `state` until the
  // next pass. Token ids must be below vocab_size, rows within the limits of `state`, positions within the
  // context of the caches. Errors: kCancelled when none of its rows is wanted any more, and those of the
  // communicator.
  Result<tensor::TensorView> forward(const ForwardBatch& batch, RunState& state, tensor::Backend& backend,
                                     cluster::Communicator& communicator) const;

  // The pooled rows of one text -> its vector (model/pooled_rows.h), pooled_width() wide; of unit length with
  // `normalise`.
  std::vector<float> vector_of(const PooledRows& rows, tensor::Backend& backend, bool normalise = true) const;
  int64_t pooled_width() const;
  // The pooled rows of a query and a document in one -> how well they fit, as log odds. Of rerankers
  // (config().ranks()).
  float rank_score(const PooledRows& rows, tensor::Backend& backend) const;

 private:
  Model(ModelConfig config, Weights weights) : config_(std::move(config)), weights_(std::move(weights)) {}

  ModelConfig config_;
  Weights weights_;
};

}  // namespace hearth::model
