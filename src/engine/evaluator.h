// One sequence through a model, outside the server: every logit, any chunking. For perplexity, comparisons
// and benchmarks.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "cluster/communicator.h"
#include "engine/kv_cache.h"
#include "model/model.h"

namespace hearth::engine {

struct EvaluatorOptions {
  kernels::DType kv_dtype = kernels::DType::kF16;
  int64_t context_length = 0;
  int64_t chunk_rows = 64;   // rows of one pass
  int64_t max_outputs = 64;  // rows of one pass whose logits are kept
};

class Evaluator {
 public:
  // Borrows the model and the backend. The backend's scratch is (re)planned for this evaluator.
  static Result<std::unique_ptr<Evaluator>> create(const model::Model& model, tensor::Backend& backend,
                                                   const EvaluatorOptions& options);

  // Appends tokens to the sequence, at most chunk_rows of them, and gives the logits of the last `n_outputs`
  // (decoder), or all hidden rows (encoder). The view is valid until the next call.
  // Errors: kInvalidArgument for an id outside the vocabulary; kContextExceeded.
  Result<tensor::TensorView> append(std::span<const int32_t> tokens, int64_t n_outputs);
  void reset();
  int64_t n_positions() const { return n_positions_; }
  const KvPlan& kv_plan() const { return cache_.plan(); }
  size_t scratch_bytes() const;

 private:
  Evaluator(const model::Model& model, tensor::Backend& backend, const EvaluatorOptions& options,
            KvCache cache, model::RunState state)
      : model_(model),
        backend_(backend),
        options_(options),
        cache_(std::move(cache)),
        state_(std::move(state)) {}

  const model::Model& model_;
  tensor::Backend& backend_;
  EvaluatorOptions options_;
  KvCache cache_;
  model::RunState state_;
  std::unique_ptr<cluster::Communicator> communicator_ = cluster::create_single_process_communicator();
  SequenceBlocks blocks_;
  int64_t n_positions_ = 0;
};

// The vector of a text's tokens by an encoder; unit length.
Result<std::vector<float>> embed_tokens(Evaluator& evaluator, const model::Model& model,
                                        tensor::Backend& backend, std::span<const int32_t> tokens);

}  // namespace hearth::engine
