#include "app/bench/model_bench.h"

#include <algorithm>
#include <chrono>

#include "app/terminal_text.h"
#include "base/platform/memory.h"

namespace hearth::app {
namespace {

constexpr int64_t kChunk = 256;  // rows of a prefill step, as the server has them

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

void name_weights(const model::Weights& weights, tensor::ProfilingBackend& profiler) {
  for (const model::LayerWeights& layer : weights.layers) {
    for (const model::Linear& product : {layer.q, layer.k, layer.v})
      profiler.name_weight(product.weight, "qkv");
    profiler.name_weight(layer.attn_output.weight, "attention output");
    for (const model::Linear& product : {layer.gate, layer.up})
      profiler.name_weight(product.weight, "gate, up");
    profiler.name_weight(layer.down.weight, "down");
    profiler.name_weight(layer.moe.router, "router");
    for (const model::WeightView& weight : {layer.per_layer_gate, layer.per_layer_projection})
      profiler.name_weight(weight, "per-layer inputs");
  }
  profiler.name_weight(weights.per_layer_model_projection, "per-layer inputs");
  profiler.name_weight(weights.output, "lm_head");
}

template <typename Work>
Result<double> seconds_of(Work work) {
  const auto begin = std::chrono::steady_clock::now();
  HEARTH_CHECK_OK(work());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

std::string BenchTest::name() const {
  return fmt::format("{}{}", kind == Kind::kPrompt ? "pp" : "tg", n_tokens);
}

double BenchResult::median_tokens_per_second() const {
  return median(tokens_per_second);
}

double BenchResult::median_limit_per_second() const {
  return median(limit_per_second);
}

std::optional<double> BenchResult::share_of_limit() const {
  const double work = test.kind == BenchTest::Kind::kPrompt ? per_token.macs : per_token.bytes;
  std::vector<double> shares;
  for (size_t i = 0; i < tokens_per_second.size(); ++i) {
    if (limit_per_second[i] > 0) shares.push_back(tokens_per_second[i] * work / limit_per_second[i]);
  }
  if (shares.empty()) return std::nullopt;
  return median(shares);
}

Result<ModelBench> ModelBench::create(EvaluationModel& model, const ReadBandwidth& bandwidth,
                                      const BenchOptions& options) {
  HEARTH_TRY(ReadTest read_test, ReadTest::create(model.threads(), bandwidth.pages));
  for (const MappedFile& shard : model.file().shards()) {
    constexpr size_t kPiece = size_t{32} << 20;
    model.threads().parallel_for(shard.bytes().size(), kPiece,
                                 [&](size_t begin, size_t end) { shard.populate(begin, end - begin); });
  }
  ModelBench bench(model, std::move(read_test), bandwidth, options);
  name_weights(model.model().weights(), bench.profiler_);
  return bench;
}

Status ModelBench::prepare(int64_t batch, int64_t context) {
  const engine::EvaluatorOptions options{.kv_dtype = options_.kv_dtype,
                                         .context_length = context,
                                         .n_sequences = batch,
                                         .chunk_rows = std::max(kChunk, batch),
                                         .max_outputs = batch};
  HEARTH_TRY(const engine::KvPlan plan,
             engine::KvPlan::create(model_.model().config(), {.dtype = options.kv_dtype,
                                                              .context_length = options.context_length,
                                                              .max_batch_rows = options.chunk_rows,
                                                              .n_contexts = options.n_sequences}));
  // The file's pages count as available, but a test needs them where they are.
  const uint64_t need = plan.bytes() + model_.file().size_bytes();
  const uint64_t available = platform::memory_state().available_bytes;
  if (available > 0 && need > available) {
    return fail(ErrorCategory::kOverloaded,
                "{} sequences of {} tokens need {} of memory with the weights, {} are free", batch, context,
                human_bytes(need), human_bytes(available));
  }
  HEARTH_TRY(evaluator_, model_.evaluator(options));
  cache_filled_ = false;
  return {};
}

Result<BenchResult> ModelBench::run(const BenchTest& test) {
  BenchResult result{
      .test = test, .per_token = {}, .tokens_per_second = {}, .limit_per_second = {}, .profile = {}};
  HEARTH_TRY(result.per_token, count_work(test));  // warms up, too
  for (int i = 0; i < options_.repetitions; ++i) {
    HEARTH_CHECK_OK(start(test, test.depth));
    const double before = measure_limit(test.kind);
    HEARTH_TRY(const double seconds, seconds_of([&] { return run_passes(test); }));
    result.limit_per_second.push_back(std::max(before, measure_limit(test.kind)));
    result.tokens_per_second.push_back(static_cast<double>(test.n_tokens * test.batch) / seconds);
  }
  if (options_.profile) {
    HEARTH_TRY(result.profile, profile(test));
  }
  if (model_.file().damaged()) {
    return fail(ErrorCategory::kIo, "the model's file was changed or cut short while it was in use");
  }
  return result;
}

Status ModelBench::start(const BenchTest& test, int64_t depth) {
  evaluator_->reset();
  if (depth > 0 && !cache_filled_) {
    evaluator_->fill_cache();
    cache_filled_ = true;
  }
  for (int64_t sequence = 0; sequence < test.batch; ++sequence)
    HEARTH_CHECK_OK(evaluator_->assume_read(sequence, depth));
  return {};
}

// A prompt: the rows of one sequence behind those of another, cut into steps, with the logits of each last
// row. Writing: a row of every sequence in each step.
Status ModelBench::run_passes(const BenchTest& test) {
  if (test.kind == BenchTest::Kind::kGenerate) {
    for (int64_t i = 0; i < test.n_tokens; ++i) HEARTH_CHECK_OK(append_to_each(test.batch));
    return {};
  }
  std::vector<int32_t> tokens;
  std::vector<engine::SequenceTokens> step;
  int64_t sequence = 0, done = 0;  // tokens of this sequence
  while (sequence < test.batch) {
    tokens.resize(static_cast<size_t>(kChunk));
    step.clear();
    for (int64_t used = 0; used < kChunk && sequence < test.batch;) {
      const int64_t count = std::min(kChunk - used, test.n_tokens - done);
      const auto part = std::span(tokens).subspan(static_cast<size_t>(used), static_cast<size_t>(count));
      for (int32_t& token : part) token = next_token();
      used += count;
      done += count;
      const bool last = done == test.n_tokens;
      step.push_back({.sequence = sequence, .tokens = part, .n_outputs = last ? 1 : 0});
      if (last) {
        ++sequence;
        done = 0;
      }
    }
    HEARTH_CHECK_OK(evaluator_->append(step));
  }
  return {};
}

Status ModelBench::append_to_each(int64_t batch) {
  std::vector<int32_t> tokens(static_cast<size_t>(batch));
  std::vector<engine::SequenceTokens> step;
  for (int32_t& token : tokens) {
    token = next_token();
    step.push_back({.sequence = static_cast<int64_t>(step.size()), .tokens = {&token, 1}, .n_outputs = 1});
  }
  HEARTH_CHECK_OK(evaluator_->append(step));
  return {};
}

// Of a prompt all passes are counted, of writing the one in the middle: the cache grows by the same every
// step.
Result<TokenWork> ModelBench::count_work(const BenchTest& test) {
  const bool prompt = test.kind == BenchTest::Kind::kPrompt;
  HEARTH_CHECK_OK(start(test, prompt ? test.depth : test.depth + test.n_tokens / 2));
  profiler_.reset();
  evaluator_->set_backend(profiler_);
  const Status done = prompt ? run_passes(test) : append_to_each(test.batch);
  evaluator_->set_backend(model_.backend());
  HEARTH_CHECK_OK(done);
  const tensor::Work work = profiler_.total();
  const auto n_tokens = static_cast<double>(test.batch * (prompt ? test.n_tokens : 1));
  return TokenWork{.bytes = (work.weight_bytes + work.cache_bytes) / n_tokens, .macs = work.macs / n_tokens};
}

Result<BenchProfile> ModelBench::profile(const BenchTest& test) {
  HEARTH_CHECK_OK(start(test, test.depth));
  profiler_.reset();
  evaluator_->set_backend(profiler_);
  const ThreadPool::Waits before = model_.threads().waits();
  const Result<double> seconds = seconds_of([&] { return run_passes(test); });
  const ThreadPool::Waits after = model_.threads().waits();
  evaluator_->set_backend(model_.backend());
  HEARTH_CHECK_OK(seconds);
  return BenchProfile{.phases = profiler_.phases(),
                      .seconds = *seconds,
                      .waits = {.regions = after.regions - before.regions,
                                .nanoseconds = after.nanoseconds - before.nanoseconds,
                                .sleeps = after.sleeps - before.sleeps}};
}

double ModelBench::measure_limit(BenchTest::Kind kind) const {
  if (kind == BenchTest::Kind::kPrompt) return measure_dot_peak(model_.threads(), model_.kernels().name);
  constexpr int kPasses = 6;  // about 100 ms
  return read_test_.measure(*bandwidth_.loop, bandwidth_.n_threads, kPasses);
}

int32_t ModelBench::next_token() {
  token_state_ = token_state_ * 6364136223846793005u + 1442695040888963407u;
  return static_cast<int32_t>((token_state_ >> 33) %
                              static_cast<uint64_t>(model_.model().config().vocab_size));
}

}  // namespace hearth::app
