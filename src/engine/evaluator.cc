#include "engine/evaluator.h"

#include <algorithm>

namespace hearth::engine {

Result<std::unique_ptr<Evaluator>> Evaluator::create(const model::Model& model, tensor::Backend& backend,
                                                     const EvaluatorOptions& options) {
  HEARTH_TRY(KvCache cache, KvCache::create(model.config(),
                                            {.dtype = options.kv_dtype,
                                             .context_length = options.context_length,
                                             .max_batch_rows = options.chunk_rows,
                                             .n_contexts = 1},
                                            backend));
  HEARTH_TRY(
      model::RunState state,
      model::RunState::create(model.config(),
                              {.max_rows = options.chunk_rows, .max_outputs = options.max_outputs}, backend));
  return std::unique_ptr<Evaluator>(
      new Evaluator(model, backend, options, std::move(cache), std::move(state)));
}

Result<tensor::TensorView> Evaluator::append(std::span<const int32_t> tokens, int64_t n_outputs) {
  const auto n = static_cast<int64_t>(tokens.size());
  if (n > options_.chunk_rows || n_outputs > std::min(n, options_.max_outputs)) {
    return fail(ErrorCategory::kInvalidArgument, "{} tokens with {} outputs, at most {} with {} at a time", n,
                n_outputs, options_.chunk_rows, options_.max_outputs);
  }
  for (const int32_t token : tokens) {
    if (token < 0 || token >= model_.config().vocab_size) {
      return fail(ErrorCategory::kInvalidArgument, "token {} is not in the vocabulary of {} tokens", token,
                  model_.config().vocab_size);
    }
  }
  if (n_positions_ + n > options_.context_length || !cache_.extend(blocks_, n_positions_ + n)) {
    return fail(ErrorCategory::kContextExceeded, "{} tokens do not fit the context of {}", n_positions_ + n,
                options_.context_length);
  }
  std::vector<int32_t> sequence(tokens.size(), 0), position, outputs;
  for (int64_t i = 0; i < n; ++i) position.push_back(static_cast<int32_t>(n_positions_ + i));
  for (int64_t i = n - n_outputs; i < n; ++i) outputs.push_back(static_cast<int32_t>(i));
  n_positions_ += n;
  const tensor::SequenceKv kv = blocks_.view(n_positions_);
  auto result = model_.forward({.tokens = tokens,
                                .rows = {.sequence = sequence, .position = position, .sequences = {&kv, 1}},
                                .output_rows = outputs,
                                .kv = cache_.layers()},
                               state_, backend_, *communicator_);
  cache_.pass_window(blocks_, n_positions_);
  return result;
}

void Evaluator::reset() {
  cache_.release(blocks_);
  n_positions_ = 0;
}

size_t Evaluator::scratch_bytes() const {
  return state_.bytes() + backend_.scratch_bytes();
}

Result<std::vector<float>> embed_tokens(Evaluator& evaluator, const model::Model& model,
                                        tensor::Backend& backend, std::span<const int32_t> tokens) {
  if (!model.config().is_encoder) {
    return fail(ErrorCategory::kInvalidArgument, "a {} model gives no embeddings",
                model.config().architecture);
  }
  if (tokens.empty()) return fail(ErrorCategory::kInvalidArgument, "no tokens to embed");
  evaluator.reset();
  HEARTH_TRY(const tensor::TensorView rows, evaluator.append(tokens, 0));
  return model.pool(rows, backend);
}

}  // namespace hearth::engine
