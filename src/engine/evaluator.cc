#include "engine/evaluator.h"

#include <algorithm>
#include <numeric>

#include "engine/random.h"

namespace hearth::engine {

Result<std::unique_ptr<Evaluator>> Evaluator::create(const model::Model& model, tensor::Backend& backend,
                                                     const EvaluatorOptions& options) {
  HEARTH_TRY(KvCache cache, KvCache::create(model.config(),
                                            {.dtype = options.kv_dtype,
                                             .context_length = options.context_length,
                                             .max_batch_rows = options.chunk_rows,
                                             .n_contexts = options.n_sequences},
                                            backend));
  HEARTH_TRY(
      model::RunState state,
      model::RunState::create(model.config(),
                              {.max_rows = options.chunk_rows, .max_outputs = options.max_outputs}, backend));
  return std::unique_ptr<Evaluator>(
      new Evaluator(model, backend, options, std::move(cache), std::move(state)));
}

Status Evaluator::check(std::span<const SequenceTokens> parts) const {
  int64_t n = 0, n_outputs = 0;
  std::vector<bool> seen(sequences_.size());
  for (const SequenceTokens& part : parts) {
    if (part.sequence < 0 || part.sequence >= options_.n_sequences ||
        seen[static_cast<size_t>(part.sequence)]) {
      return fail(ErrorCategory::kInvalidArgument, "sequence {} of {}, or twice in one pass", part.sequence,
                  options_.n_sequences);
    }
    seen[static_cast<size_t>(part.sequence)] = true;
    const auto n_tokens = static_cast<int64_t>(part.tokens.size());
    if (part.n_outputs < 0 || part.n_outputs > n_tokens) {
      return fail(ErrorCategory::kInvalidArgument, "{} outputs of {} tokens", part.n_outputs, n_tokens);
    }
    n += n_tokens;
    n_outputs += part.n_outputs;
    for (const int32_t token : part.tokens) {
      if (token < 0 || token >= model_.config().vocab_size) {
        return fail(ErrorCategory::kInvalidArgument, "token {} is not in the vocabulary of {} tokens", token,
                    model_.config().vocab_size);
      }
    }
  }
  if (n > options_.chunk_rows || n_outputs > options_.max_outputs) {
    return fail(ErrorCategory::kInvalidArgument, "{} tokens with {} outputs, at most {} with {} at a time", n,
                n_outputs, options_.chunk_rows, options_.max_outputs);
  }
  return {};
}

Status Evaluator::make_room(Sequence& sequence, int64_t n) {
  const int64_t end = sequence.n_positions + n;
  if (end > options_.context_length || !cache_.extend(sequence.blocks, end)) {
    return fail(ErrorCategory::kContextExceeded, "{} tokens do not fit the context of {}", end,
                options_.context_length);
  }
  return {};
}

Result<tensor::TensorView> Evaluator::append(std::span<const SequenceTokens> parts) {
  HEARTH_CHECK_OK(check(parts));
  for (const SequenceTokens& part : parts) {
    HEARTH_CHECK_OK(
        make_room(sequences_[static_cast<size_t>(part.sequence)], static_cast<int64_t>(part.tokens.size())));
  }
  std::vector<int32_t> tokens, of_sequence, position, outputs;
  std::vector<tensor::SequenceKv> kv;
  for (const SequenceTokens& part : parts) {
    Sequence& sequence = sequences_[static_cast<size_t>(part.sequence)];
    for (const int32_t token : part.tokens) {
      tokens.push_back(token);
      of_sequence.push_back(static_cast<int32_t>(kv.size()));
      position.push_back(static_cast<int32_t>(sequence.n_positions++));
    }
    for (int64_t i = part.n_outputs; i > 0; --i)
      outputs.push_back(static_cast<int32_t>(static_cast<int64_t>(tokens.size()) - i));
    kv.push_back(sequence.blocks.view(sequence.n_positions));
  }
  auto result = model_.forward({.tokens = tokens,
                                .rows = {.sequence = of_sequence, .position = position, .sequences = kv},
                                .output_rows = outputs,
                                .kv = cache_.layers()},
                               state_, *backend_, *communicator_);
  for (const SequenceTokens& part : parts) {
    Sequence& sequence = sequences_[static_cast<size_t>(part.sequence)];
    cache_.pass_window(sequence.blocks, sequence.n_positions);
  }
  return result;
}

Result<tensor::TensorView> Evaluator::append(std::span<const int32_t> tokens, int64_t n_outputs) {
  const SequenceTokens part{.sequence = 0, .tokens = tokens, .n_outputs = n_outputs};
  return append({&part, 1});
}

void Evaluator::reset() {
  for (Sequence& sequence : sequences_) {
    cache_.release(sequence.blocks);
    sequence.n_positions = 0;
  }
}

void Evaluator::fill_cache() {
  constexpr int64_t kBlocks = 4;  // at a time
  constexpr int64_t kRows = kBlocks * tensor::kBlockTokens;
  std::vector<int32_t> sequence(kRows, 0), position(kRows);
  std::iota(position.begin(), position.end(), 0);
  std::vector<float> values;
  Random random(1);
  const auto& layers = model_.config().layers;
  for (size_t i = 0; i < layers.size(); ++i) {
    if (layers[i].kv_layer != static_cast<int64_t>(i)) continue;
    const tensor::KvLayer& layer = cache_.layers()[i];
    const int64_t width = layers[i].n_kv_heads * layers[i].head_dim;
    while (static_cast<int64_t>(values.size()) < kRows * width)
      values.push_back(static_cast<float>(random.uniform()) - 0.5f);
    const int64_t n_blocks = cache_.plan().kinds[layer.kind].n_blocks;
    for (int64_t first = 0; first < n_blocks; first += kBlocks) {
      const int64_t count = std::min(kBlocks, n_blocks - first);
      tensor::BlockId table[kBlocks];
      std::iota(table, table + count, static_cast<tensor::BlockId>(first));
      tensor::SequenceKv blocks;
      blocks.n_positions = static_cast<int32_t>(count * tensor::kBlockTokens);
      blocks.blocks[layer.kind] = {table, static_cast<size_t>(count)};
      const auto n_rows = static_cast<size_t>(count * tensor::kBlockTokens);
      const tensor::TensorView rows{values.data(), static_cast<int64_t>(n_rows), width, width};
      backend_->store_kv(rows, rows, layer,
                         {.sequence = std::span(sequence).first(n_rows),
                          .position = std::span(position).first(n_rows),
                          .sequences = {&blocks, 1}});
    }
  }
}

Status Evaluator::assume_read(int64_t index, int64_t n) {
  if (index < 0 || index >= options_.n_sequences) {
    return fail(ErrorCategory::kInvalidArgument, "sequence {} of {}", index, options_.n_sequences);
  }
  Sequence& sequence = sequences_[static_cast<size_t>(index)];
  while (n > 0) {  // in the steps the sliding-window blocks are planned for
    const int64_t step = std::min(n, options_.chunk_rows);
    HEARTH_CHECK_OK(make_room(sequence, step));
    sequence.n_positions += step;
    cache_.pass_window(sequence.blocks, sequence.n_positions);
    n -= step;
  }
  return {};
}

size_t Evaluator::scratch_bytes() const {
  return state_.bytes() + backend_->scratch_bytes();
}

}  // namespace hearth::engine
