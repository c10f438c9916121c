#include "engine/engine.h"

#include <algorithm>

#include "base/platform/processors.h"

namespace hearth::engine {
namespace {

// What may pass at the end while prefixes are written that the disk does not have yet.
constexpr std::chrono::milliseconds kFlushLimit{2000};

double milliseconds(Clock::time_point from, Clock::time_point to) {
  if (from == Clock::time_point{} || to < from) return 0;
  return std::chrono::duration<double, std::milli>(to - from).count();
}

}  // namespace

size_t EngineMemory::total() const {
  size_t bytes = prefix_bytes + activation_bytes + logit_bytes + scratch_bytes;
  for (const size_t kind : kv_bytes) bytes += kind;
  return bytes;
}

model::RunLimits EngineOptions::run_limits() const {
  const int64_t drafting_rows = speculate ? kMaxDecodeRows : 0;
  return {.max_rows = limits.max_batch_rows, .max_outputs = std::max(limits.max_running, drafting_rows)};
}

Engine::Engine(const model::Model& model, std::unique_ptr<tensor::Backend> backend, EngineOptions options,
               EngineMemory memory, KvCache cache, model::RunState state)
    : model_(model),
      backend_(std::move(backend)),
      options_(std::move(options)),
      memory_(memory),
      cache_(std::move(cache)),
      disk_(open_disk()),
      state_(std::move(state)),
      scheduler_(options_.limits, cache_, disk_.get()),
      unfinished_(options_.limits.max_waiting + static_cast<size_t>(options_.limits.max_running),
                  "requests") {
  update_stats();
}

Result<EngineMemory> Engine::plan(const model::ModelConfig& config, const EngineOptions& options,
                                  tensor::Backend& backend) {
  KvCacheOptions kv_options = options.kv;
  kv_options.max_batch_rows = options.limits.max_batch_rows;
  HEARTH_TRY(const KvPlan kv, KvPlan::create(config, kv_options));
  const model::RunLimits limits = options.run_limits();
  HEARTH_CHECK_OK(backend.reserve(model::RunState::backend_limits(config, limits)));
  EngineMemory memory;
  for (int kind = 0; kind < tensor::kMaxKvKinds; ++kind) {
    memory.kv_bytes[kind] = kv.kinds[kind].bytes() - kv.kinds[kind].prefix_bytes();
    memory.prefix_bytes += kv.kinds[kind].prefix_bytes();
  }
  memory.logit_bytes = model::RunState::planned_logit_bytes(config, limits);
  memory.activation_bytes = model::RunState::planned_bytes(config, limits) - memory.logit_bytes;
  memory.scratch_bytes = backend.scratch_bytes();
  return memory;
}

Result<std::unique_ptr<Engine>> Engine::create(const model::Model& model,
                                               std::unique_ptr<tensor::Backend> backend,
                                               EngineOptions options) {
  const model::ModelConfig& config = model.config();
  if (config.is_encoder) {
    return fail(ErrorCategory::kUnsupported, "a {} model gives embeddings and cannot generate text",
                config.architecture);
  }
  options.kv.max_batch_rows = options.limits.max_batch_rows;
  options.kv.stores_prefixes = options.prefix_store != nullptr;
  HEARTH_TRY(const EngineMemory memory, plan(config, options, *backend));
  HEARTH_TRY(KvCache cache, KvCache::create(config, options.kv, *backend));
  HEARTH_TRY(model::RunState state, model::RunState::create(config, options.run_limits(), *backend));
  std::unique_ptr<Engine> engine(
      new Engine(model, std::move(backend), std::move(options), memory, std::move(cache), std::move(state)));
  engine->thread_ = std::thread([raw = engine.get()] { raw->run(); });
  return engine;
}

Engine::~Engine() {
  {
    std::lock_guard lock(mutex_);
    accepting_ = false;
    stopping_ = true;
    interrupted_ = true;
    wake_.notify_all();
  }
  thread_.join();
}

Result<SequenceId> Engine::submit(EngineRequest request) {
  const auto n_prompt = static_cast<int64_t>(request.prompt.size() + request.given.size());
  if (request.prompt.empty()) return fail(ErrorCategory::kInvalidArgument, "the prompt is empty");
  for (const std::vector<int32_t>* tokens : {&request.prompt, &request.given}) {
    for (const int32_t token : *tokens) {
      if (token < 0 || token >= model_.config().vocab_size) {
        return fail(ErrorCategory::kInvalidArgument, "prompt: token {} is not in the vocabulary of {} tokens",
                    token, model_.config().vocab_size);
      }
    }
  }
  HEARTH_CHECK_OK(request.sampling.validate(static_cast<size_t>(model_.config().vocab_size)));
  // One position is left for the answer, unless none is asked for.
  const int64_t room = context_length() - (request.max_tokens == 0 ? 0 : 1);
  if (n_prompt > room) {
    return fail(ErrorCategory::kContextExceeded,
                // Agents look for these words, and then shorten their history.
                "prompt is too long: {} tokens > {} maximum; the context of {} tokens holds the answer too",
                n_prompt, room, context_length());
  }
  const SequenceId id = next_id_.fetch_add(1);
  auto sequence = std::make_unique<Sequence>(id, std::move(request));
  std::lock_guard lock(mutex_);
  if (failure_) return propagate(*failure_);
  if (!accepting_) return fail(ErrorCategory::kOverloaded, "the server is shutting down");
  HEARTH_CHECK_OK(unfinished_.take(sequence->request.cache_scope));
  arrivals_.push_back(std::move(sequence));
  wake_.notify_all();
  return id;
}

void Engine::cancel(SequenceId id) {
  std::lock_guard lock(mutex_);
  cancellations_.push_back(id);
  interrupted_ = true;
  wake_.notify_all();
}

void Engine::shut_down(std::chrono::milliseconds grace) {
  std::unique_lock lock(mutex_);
  accepting_ = false;
  idle_.wait_for(lock, grace, [&] { return unfinished_.n_taken() == 0; });
  abandon_ = true;
  interrupted_ = true;
  wake_.notify_all();
  idle_.wait(lock, [&] { return unfinished_.n_taken() == 0; });
}

std::optional<Error> Engine::failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
}

size_t Engine::n_unfinished() const {
  std::lock_guard lock(mutex_);
  return unfinished_.n_taken();
}

EngineStats Engine::stats() const {
  std::lock_guard lock(mutex_);
  EngineStats stats = stats_;
  stats.n_waiting += static_cast<int64_t>(arrivals_.size());
  if (options_.prefix_store) stats.disk = options_.prefix_store->stats();
  return stats;
}

std::vector<RunningSequence> Engine::running() const {
  std::lock_guard lock(mutex_);
  return running_;
}

std::unique_ptr<PrefixDisk> Engine::open_disk() {
  if (!options_.prefix_store) return nullptr;
  return std::make_unique<PrefixDisk>(options_.prefix_store, cache_, [this] {
    std::lock_guard lock(mutex_);
    disk_has_results_ = true;
    wake_.notify_all();
  });
}

void Engine::run() {
  platform::prepare_compute_thread();
  while (wait_for_work()) {
    step();
    if (disk_) disk_->write_some();
    update_stats();
  }
  fail_all({ErrorCategory::kCancelled, "the model was unloaded"});
  if (disk_) disk_->flush(kFlushLimit);
  disk_.reset();
}

struct Engine::Commands {
  std::vector<std::unique_ptr<Sequence>> arrivals;
  std::vector<SequenceId> cancellations;
};

Engine::Commands Engine::take_commands_locked() {
  interrupted_ = false;
  return {std::exchange(arrivals_, {}), std::exchange(cancellations_, {})};
}

// Arrivals first: they may be cancelled already.
void Engine::carry_out(Commands commands) {
  for (auto& sequence : commands.arrivals) scheduler_.add(std::move(sequence));
  for (const SequenceId id : commands.cancellations) {
    end(id, EndReason::kFailed, Error{ErrorCategory::kCancelled, "the request was cancelled"});
  }
}

bool Engine::wait_for_work() {
  Commands commands;
  bool abandon = false, stopping = false;
  {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] {
      // What has nothing to do although it waits is waiting for the disk.
      const bool has_work = scheduler_.n_running() > 0 || scheduler_.n_waiting() > 0;
      return stopping_ || abandon_ || !arrivals_.empty() || !cancellations_.empty() || disk_has_results_ ||
             (has_work && !(starved_ && disk_ && disk_->busy()));
    });
    disk_has_results_ = false;
    commands = take_commands_locked();
    abandon = std::exchange(abandon_, false);
    stopping = stopping_;
  }
  if (disk_) disk_->take_results();
  carry_out(std::move(commands));
  if (stopping) return false;
  if (abandon) fail_all({ErrorCategory::kOverloaded, "the server is shutting down; the answer was cut off"});
  return true;
}

void Engine::step() {
  const int64_t prompt_rows = pace_.prompt_rows(scheduler_.n_decoding(), options_.limits.max_batch_rows);
  std::vector<BatchItem> batch = scheduler_.next_batch(prompt_rows);
  starved_ = batch.empty();
  if (starved_) return;
  int64_t n_decoding = 0, n_prompt_rows = 0;
  for (const BatchItem& item : batch) (item.sequence->decoding() ? n_decoding : n_prompt_rows) += item.n_rows;
  // Steps that also read a prompt are bound by arithmetic: there a drafted row has its full price.
  const bool drafting = options_.speculate && n_prompt_rows == 0;
  if (drafting) add_drafts(batch);
  const size_t n_items = batch.size();
  const auto start = options_.clock();
  auto logits = forward(batch);
  const std::chrono::duration<double> elapsed = options_.clock() - start;
  if (options_.damaged && options_.damaged()) {
    const Error error{ErrorCategory::kIo,
                      "the model's file was changed or cut short while it was in use; load it again"};
    std::lock_guard lock(mutex_);
    failure_ = error;
    logits = propagate(error);
  } else if (!logits && logits.error().category == ErrorCategory::kCancelled) {
    return;  // nobody wants it any more
  }
  if (!logits) return fail_all(logits.error());

  const bool whole = batch.size() == n_items;  // else its time says little
  if (whole) pace_.add(n_decoding, n_prompt_rows, elapsed.count());
  int64_t row = 0, n_drafted = 0, n_accepted = 0;
  for (const BatchItem& item : batch) {
    n_accepted += advance(item, *logits, row);
    n_drafted += item.n_drafted();
    row += item.n_outputs();
  }
  if (drafting && whole) draft_policy_.add(n_decoding, n_drafted, n_accepted, elapsed.count());
}

// In the middle of a step: sequences that were cancelled end, and with that leave the batch. The numbers of
// the rows that are left.
std::vector<int32_t> Engine::drop_cancelled(std::vector<BatchItem>& batch) {
  Commands commands;
  {
    std::lock_guard lock(mutex_);
    if (stopping_ || abandon_) return {};
    commands = take_commands_locked();
  }
  std::vector<SequenceId> cancelled = commands.cancellations;
  std::vector<int32_t> rows;
  int32_t row = 0;
  std::erase_if(batch, [&](const BatchItem& item) {
    const auto n_rows = static_cast<int32_t>(item.n_rows + item.n_drafted());
    const bool drops = std::find(cancelled.begin(), cancelled.end(), item.sequence->id) != cancelled.end();
    for (int32_t i = row; i < row + n_rows && !drops; ++i) rows.push_back(i);
    row += n_rows;
    return drops;
  });
  carry_out(std::move(commands));
  update_stats();
  return rows;
}

void Engine::update_stats() {
  const KvCache::Usage usage = cache_.usage();
  std::lock_guard lock(mutex_);
  stats_.n_waiting = static_cast<int64_t>(scheduler_.n_waiting());
  stats_.n_running = static_cast<int64_t>(scheduler_.n_running());
  stats_.preemptions = scheduler_.n_preemptions();
  stats_.kv = usage;
  running_.clear();
  for (const auto& sequence : scheduler_.running()) {
    running_.push_back({.id = sequence->id,
                        .n_prompt = sequence->n_whole_prompt(),
                        .n_cached = sequence->n_cached,
                        .n_read = std::min(sequence->n_computed, sequence->n_whole_prompt()),
                        .n_sampled = sequence->n_sampled()});
  }
}

// Puts drafts behind the rows of a step that only decodes.
void Engine::add_drafts(std::vector<BatchItem>& batch) {
  const auto n_sequences = static_cast<int64_t>(batch.size());
  const int64_t max_rows = std::min(kMaxDecodeRows, options_.limits.max_batch_rows);
  if (n_sequences >= max_rows) return;
  std::vector<DraftPolicy::Candidate> candidates(batch.size());
  for (size_t i = 0; i < batch.size(); ++i) {
    Sequence& sequence = *batch[i].sequence;
    const EngineRequest& request = sequence.request;
    // A drafted row is there for the token that follows it.
    int64_t room = std::min(max_rows - n_sequences, context_length() - sequence.n_tokens() - 1);
    const auto given = sequence.still_given();  // which the limit of the answer does not count
    if (request.max_tokens > 0 && given.empty()) {
      room = std::min(room, request.max_tokens - sequence.n_sampled() - 1);
    }
    if (room <= 0) continue;
    if (!given.empty()) {
      const size_t n = std::min(given.size(), static_cast<size_t>(room));
      batch[i].draft.assign(given.begin(), given.begin() + static_cast<ptrdiff_t>(n));
      candidates[i] = {.acceptance = 1, .available = static_cast<int64_t>(n)};
      continue;
    }
    const PromptLookup::Match match = sequence.lookup.find(sequence.tokens);
    if (match.length == 0) continue;
    std::vector<int32_t> draft = PromptLookup::draft(sequence.tokens, match, room);
    draft.erase(std::find_first_of(draft.begin(), draft.end(), request.stop_tokens.begin(),
                                   request.stop_tokens.end()),
                draft.end());
    candidates[i] = {.acceptance = sequence.acceptance.rate(match.length),
                     .available = static_cast<int64_t>(draft.size())};
    batch[i].draft = std::move(draft);
    batch[i].match_length = match.length;
  }
  draft_policy_.choose(n_sequences, max_rows, candidates);
  for (size_t i = 0; i < batch.size(); ++i) {
    Sequence& sequence = *batch[i].sequence;
    batch[i].draft.resize(static_cast<size_t>(candidates[i].n));
    // Nobody gives up blocks for a guess.
    if (!cache_.extend(sequence.blocks, sequence.n_tokens() + candidates[i].n)) batch[i].draft.clear();
  }
}

Result<tensor::TensorView> Engine::forward(std::vector<BatchItem>& batch) {
  std::vector<int32_t> tokens, sequence_of_row, position, outputs;
  std::vector<tensor::SequenceKv> sequences;
  for (const BatchItem& item : batch) {
    const Sequence& sequence = *item.sequence;
    const int64_t n_rows = item.n_rows + item.n_drafted();
    for (int64_t i = 0; i < n_rows; ++i) {
      tokens.push_back(i < item.n_rows ? sequence.tokens[static_cast<size_t>(sequence.n_computed + i)]
                                       : item.draft[static_cast<size_t>(i - item.n_rows)]);
      sequence_of_row.push_back(static_cast<int32_t>(sequences.size()));
      position.push_back(static_cast<int32_t>(sequence.n_computed + i));
    }
    for (int64_t i = item.n_outputs(); i > 0; --i) {
      outputs.push_back(static_cast<int32_t>(tokens.size()) - static_cast<int32_t>(i));
    }
    sequences.push_back(sequence.blocks.view(sequence.n_computed + n_rows));
  }
  return model_.forward({.tokens = tokens,
                         .rows = {.sequence = sequence_of_row, .position = position, .sequences = sequences},
                         .output_rows = outputs,
                         .kv = cache_.layers(),
                         .interrupted = &interrupted_,
                         .still_wanted = [&] { return drop_cancelled(batch); }},
                        state_, *backend_, *communicator_);
}

// Moves a sequence on by what its rows brought and gives the number of drafted tokens that were right. Every
// row is sampled from as if it had come in a step of its own; the next row's logits hold if the token sampled
// is the one that was drafted. So drafts change no token, drawn ones neither (arXiv:2211.17192 keeps the
// distribution only, for drafts that are themselves drawn).
int64_t Engine::advance(const BatchItem& item, const tensor::TensorView& logits, int64_t first_row) {
  Sequence& sequence = *item.sequence;
  const bool reading = sequence.n_following() == 0;
  const bool guessed = item.match_length > 0;  // and not given
  if (guessed) sequence.n_drafted += item.n_drafted();
  sequence.n_computed += item.n_rows;
  if (reading) {
    sequence.request.sink->on_progress({.n_total = sequence.n_whole_prompt(),
                                        .n_cached = sequence.n_cached,
                                        .n_read = sequence.n_computed,
                                        .elapsed_ms = milliseconds(sequence.started, Clock::now())});
  }
  int64_t n_accepted = 0;
  if (item.samples) {
    const auto row = [&](int64_t i) {
      return std::span<float>(logits.row(first_row + i), static_cast<size_t>(logits.n_cols));
    };
    while (true) {
      if (!deliver(sequence, row(n_accepted))) return n_accepted;
      if (n_accepted == item.n_drafted()) break;
      if (sequence.tokens.back() != item.draft[static_cast<size_t>(n_accepted)]) break;
      ++n_accepted;
      if (guessed) ++sequence.n_accepted;
      ++sequence.n_computed;
    }
    if (guessed || item.draft.empty())
      sequence.acceptance.add(item.match_length, item.n_drafted(), n_accepted);
  }
  cache_.shrink(sequence.blocks, sequence.n_computed);
  cache_.publish(sequence.blocks, sequence.computed(), reading && item.samples);
  cache_.pass_window(sequence.blocks, sequence.n_computed);
  return n_accepted;
}

// Samples from a row of logits and passes the token on. False when the sequence has ended and is gone.
bool Engine::deliver(Sequence& sequence, std::span<float> logits) {
  const EngineRequest& request = sequence.request;
  const auto ended = [&](EndReason reason, std::optional<Error> error = {}) {
    end(sequence.id, reason, std::move(error));
    return false;
  };
  if (const auto given = sequence.still_given(); !given.empty()) {
    const auto taken = sequence.sampler.take(logits, given.front());
    if (!taken) return ended(EndReason::kFailed, taken.error());
    sequence.tokens.push_back(given.front());
    request.sink->on_given(*taken);
    return given.size() > 1 || request.max_tokens != 0 || ended(EndReason::kMaxTokens);
  }
  if (sequence.first_token == Clock::time_point{}) sequence.first_token = Clock::now();
  if (request.max_tokens == 0) return ended(EndReason::kMaxTokens);
  auto sampled = sequence.sampler.sample(logits);
  if (!sampled) return ended(EndReason::kFailed, sampled.error());
  const int32_t token = sampled->chosen.id;
  sequence.tokens.push_back(token);
  if (std::find(request.stop_tokens.begin(), request.stop_tokens.end(), token) != request.stop_tokens.end()) {
    return ended(EndReason::kStopToken);
  }
  if (!request.sink->on_token(*sampled)) return ended(EndReason::kSinkStopped);
  if (request.max_tokens > 0 && sequence.n_sampled() >= request.max_tokens) {
    return ended(EndReason::kMaxTokens);
  }
  if (sequence.n_tokens() >= context_length()) return ended(EndReason::kContextFull);
  return true;
}

void Engine::end(SequenceId id, EndReason reason, std::optional<Error> error) {
  const std::unique_ptr<Sequence> sequence = scheduler_.remove(id);
  if (!sequence) return;
  finish(*sequence, reason, std::move(error));
  std::lock_guard lock(mutex_);
  unfinished_.give_back(sequence->request.cache_scope);
  idle_.notify_all();
}

void Engine::finish(const Sequence& sequence, EndReason reason, std::optional<Error> error) {
  {
    std::lock_guard lock(mutex_);
    ++stats_.n_ended;
    stats_.prompt_tokens += sequence.n_whole_prompt();
    stats_.cached_tokens += sequence.n_cached;
    stats_.sampled_tokens += sequence.n_sampled();
    stats_.drafted_tokens += sequence.n_drafted;
    stats_.accepted_tokens += sequence.n_accepted;
    stats_.disk_tokens += sequence.n_from_disk;
    if (sequence.n_cached > 0) ++stats_.prefix_hits;
    if (sequence.n_from_disk > 0) ++stats_.disk_hits;
  }
  const auto now = Clock::now();
  const auto started = sequence.started == Clock::time_point{} ? now : sequence.started;
  const auto first_token = sequence.first_token == Clock::time_point{} ? now : sequence.first_token;
  sequence.request.sink->on_end({.reason = reason,
                                 .error = std::move(error),
                                 .prompt_tokens = sequence.n_whole_prompt(),
                                 .cached_tokens = sequence.n_cached,
                                 .sampled_tokens = sequence.n_sampled(),
                                 .drafted_tokens = sequence.n_drafted,
                                 .accepted_tokens = sequence.n_accepted,
                                 .queue_ms = milliseconds(sequence.arrived, started),
                                 .prefill_ms = milliseconds(started, first_token),
                                 .decode_ms = milliseconds(first_token, now)});
}

void Engine::fail_all(const Error& error) {
  const auto sequences = scheduler_.remove_all();
  for (const auto& sequence : sequences) finish(*sequence, EndReason::kFailed, error);
  std::lock_guard lock(mutex_);
  for (const auto& sequence : sequences) unfinished_.give_back(sequence->request.cache_scope);
  idle_.notify_all();
}

}  // namespace hearth::engine
