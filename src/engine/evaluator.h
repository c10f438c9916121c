// A few sequences through a model, outside the server: every logit, any chunking. For perplexity, comparisons
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
  int64_t context_length = 0;  // of each sequence
  int64_t n_sequences = 1;
  int64_t chunk_rows = 64;   // rows of one pass
  int64_t max_outputs = 64;  // rows of one pass whose logits are kept
};

// What one pass adds to a sequence.
struct SequenceTokens {
  int64_t sequence = 0;  // below n_sequences; at most once in a pass
  std::span<const int32_t> tokens;
  int64_t n_outputs = 0;  // the last of the tokens, whose logits are wanted
};

class Evaluator {
 public:
  // Borrows the model and the backend. The backend's scratch is (re)planned for this evaluator.
  static Result<std::unique_ptr<Evaluator>> create(const model::Model& model, tensor::Backend& backend,
                                                   const EvaluatorOptions& options);

  // Appends tokens to sequences, at most chunk_rows of them together, and gives the logits of the last
  // `n_outputs` of each (decoder), or all hidden rows (encoder). The view is valid until the next call.
  // Errors: kInvalidArgument for an id outside the vocabulary; kContextExceeded.
  Result<tensor::TensorView> append(std::span<const SequenceTokens> parts);
  // The same for the first sequence alone.
  Result<tensor::TensorView> append(std::span<const int32_t> tokens, int64_t n_outputs);
  // Empties all sequences.
  void reset();
  int64_t n_positions(int64_t sequence = 0) const {
    return sequences_[static_cast<size_t>(sequence)].n_positions;
  }

  // For measurements in a long context without the minutes that reading it takes: what a step costs does not
  // depend on the values it finds. fill_cache() writes arbitrary finite keys and values into the whole cache;
  // assume_read() then counts the next n positions of a sequence as read, and nothing is computed.
  void fill_cache();
  Status assume_read(int64_t sequence, int64_t n);

  // Runs the next passes on another face of the same device: a ProfilingBackend around the one of create(),
  // or that one again.
  void set_backend(tensor::Backend& backend) { backend_ = &backend; }

  const KvPlan& kv_plan() const { return cache_.plan(); }
  size_t scratch_bytes() const;

 private:
  Evaluator(const model::Model& model, tensor::Backend& backend, const EvaluatorOptions& options,
            KvCache cache, model::RunState state)
      : model_(model),
        backend_(&backend),
        options_(options),
        cache_(std::move(cache)),
        state_(std::move(state)),
        sequences_(static_cast<size_t>(options.n_sequences)) {}

  struct Sequence {
    SequenceBlocks blocks;
    int64_t n_positions = 0;
  };
  Status check(std::span<const SequenceTokens> parts) const;
  Status make_room(Sequence& sequence, int64_t n);

  const model::Model& model_;
  tensor::Backend* backend_;
  EvaluatorOptions options_;
  KvCache cache_;
  model::RunState state_;
  std::unique_ptr<cluster::Communicator> communicator_ = cluster::create_single_process_communicator();
  std::vector<Sequence> sequences_;
};

}  // namespace hearth::engine
