#include "engine/embedder.h"

#include <algorithm>

#include "base/checked.h"
#include "base/platform/processors.h"
#include "base/pool_turns.h"

namespace hearth::engine {
namespace {

using model::ModelConfig;

constexpr int64_t kShortTexts = 32;  // that have room in one pass

// Of the thread pool, against an engine's 1: a step beside embeddings then takes half as long again, and
// stays below 2 where times scatter.
constexpr double kPoolShare = 0.5;

// Rows of the largest pass.
int64_t max_rows(const ModelConfig& config, const EmbedderOptions& options) {
  return config.causal ? options.pass_rows : std::max(options.pass_rows, options.context_length);
}

model::RunLimits run_limits(const ModelConfig& config, const EmbedderOptions& options) {
  const int64_t rows = max_rows(config, options);
  return {.max_rows = rows, .max_outputs = rows, .logits = false};
}

KvCacheOptions cache_options(const ModelConfig& config, const EmbedderOptions& options) {
  const int64_t rows = max_rows(config, options);
  const int64_t one_pass = rows + kShortTexts * tensor::kBlockTokens;
  return {.dtype = config.causal ? options.kv_dtype : kernels::DType::kF32,
          .context_length = config.causal ? std::max(options.context_length, one_pass) : one_pass,
          .max_batch_rows = rows,
          .n_contexts = 1};
}

// A model that looks both ways reads the keys and values of a layer in the same pass and never again, so that
// layers of one shape can use the same memory, which then stays in the processor's caches.
ModelConfig cache_config(const ModelConfig& config) {
  if (config.causal) return config;
  ModelConfig shared = config;
  for (size_t i = 0; i < shared.layers.size(); ++i) {
    model::LayerConfig& layer = shared.layers[i];
    const auto same = std::find_if(shared.layers.begin(), shared.layers.begin() + static_cast<int64_t>(i),
                                   [&](const model::LayerConfig& other) {
                                     return other.kind == layer.kind &&
                                            other.n_kv_heads == layer.n_kv_heads &&
                                            other.head_dim == layer.head_dim;
                                   });
    layer.kv_layer = same - shared.layers.begin();
  }
  return shared;
}

double milliseconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

const Error kShuttingDown{ErrorCategory::kOverloaded, "the server is shutting down"};

}  // namespace

struct Embedder::Request {
  RequestId id = 0;
  EmbedRequest work;
  size_t n_begun = 0;
  size_t n_done = 0;
  int64_t n_tokens = 0;
  Clock::time_point arrived = Clock::now();
  std::optional<Clock::time_point> started;
};

struct Embedder::Text {
  Text(Request& request_in, size_t index_in, const ModelConfig& config)
      : request(&request_in), index(index_in), pooled(config) {}

  Request* request;
  size_t index;
  int64_t n_computed = 0;
  SequenceBlocks blocks;
  model::PooledRows pooled;

  const EmbedText& text() const { return request->work.texts[index]; }
  int64_t n_tokens() const { return static_cast<int64_t>(text().tokens.size()); }
};

// A run of one text's tokens in a pass.
struct Embedder::Part {
  Text* text = nullptr;
  int64_t n = 0;
  int64_t first_row = 0;  // of those that are wanted, among the rows that the pass gives
};

Embedder::Embedder(const model::Model& model, std::unique_ptr<tensor::Backend> backend,
                   EmbedderOptions options, KvCache cache, model::RunState state)
    : model_(model),
      backend_(std::move(backend)),
      options_(std::move(options)),
      cache_(std::move(cache)),
      state_(std::move(state)),
      unfinished_(options_.max_waiting, "requests"),
      unfinished_tokens_(options_.max_waiting_tokens, "tokens") {
  bytes_ = cache_.plan().bytes() + state_.bytes() + backend_->scratch_bytes();
}

Result<size_t> Embedder::planned_bytes(const ModelConfig& config, const EmbedderOptions& options,
                                       tensor::Backend& backend) {
  HEARTH_TRY(const KvPlan plan, KvPlan::create(cache_config(config), cache_options(config, options)));
  const model::RunLimits limits = run_limits(config, options);
  HEARTH_CHECK_OK(backend.reserve(model::RunState::backend_limits(config, limits)));
  return plan.bytes() + model::RunState::planned_bytes(config, limits) + backend.scratch_bytes();
}

Result<std::unique_ptr<Embedder>> Embedder::create(const model::Model& model,
                                                   std::unique_ptr<tensor::Backend> backend,
                                                   EmbedderOptions options) {
  const ModelConfig& config = model.config();
  HEARTH_TRY(KvCache cache, KvCache::create(cache_config(config), cache_options(config, options), *backend));
  HEARTH_TRY(model::RunState state, model::RunState::create(config, run_limits(config, options), *backend));
  std::unique_ptr<Embedder> embedder(
      new Embedder(model, std::move(backend), std::move(options), std::move(cache), std::move(state)));
  embedder->thread_ = std::thread([raw = embedder.get()] { raw->run(); });
  return embedder;
}

Embedder::~Embedder() {
  {
    std::lock_guard lock(mutex_);
    accepting_ = false;
    stopping_ = true;
    interrupted_ = true;
    wake_.notify_all();
  }
  thread_.join();
}

Result<Embedder::RequestId> Embedder::submit(EmbedRequest work) {
  const ModelConfig& config = model_.config();
  auto request = std::make_unique<Request>();
  for (size_t i = 0; i < work.texts.size(); ++i) {
    const auto& tokens = work.texts[i].tokens;
    if (tokens.empty()) return fail(ErrorCategory::kInvalidArgument, "input[{}] is empty", i);
    if (tokens.size() > static_cast<size_t>(options_.context_length)) {
      return fail(ErrorCategory::kContextExceeded, "input[{}] has {} tokens, the model takes {}", i,
                  tokens.size(), options_.context_length);
    }
    for (const int32_t token : tokens) {
      if (token >= 0 && token < config.vocab_size) continue;
      return fail(ErrorCategory::kInvalidArgument,
                  "input[{}]: token {} is not in the vocabulary of {} tokens", i, token, config.vocab_size);
    }
    request->n_tokens += static_cast<int64_t>(tokens.size());
  }
  if (static_cast<size_t>(request->n_tokens) > options_.max_request_tokens) {
    return fail(ErrorCategory::kInvalidArgument,
                "input: {} tokens in all, at most {} are taken in one request", request->n_tokens,
                options_.max_request_tokens);
  }
  if (work.texts.empty()) return fail(ErrorCategory::kInvalidArgument, "input: there is nothing to embed");
  if (work.rank && !config.ranks()) {
    return fail(ErrorCategory::kUnsupported, "a {} model without a ranking head gives no scores",
                config.architecture);
  }
  request->work = std::move(work);

  std::lock_guard lock(mutex_);
  if (failure_) return propagate(*failure_);
  if (!accepting_) return propagate(kShuttingDown);
  const auto n_tokens = static_cast<size_t>(request->n_tokens);
  const std::string& owner = request->work.owner;
  HEARTH_CHECK_OK(unfinished_.take(owner));
  if (auto taken = unfinished_tokens_.take(owner, n_tokens); !taken) {
    unfinished_.give_back(owner);
    return propagate(std::move(taken).error());
  }
  const RequestId id = request->id = ++last_id_;
  arrivals_.push_back(std::move(request));
  wake_.notify_all();
  return id;
}

void Embedder::cancel(RequestId id) {
  std::lock_guard lock(mutex_);
  cancellations_.push_back(id);
  break_off_if_unwanted();
  wake_.notify_all();
}

void Embedder::break_off_if_unwanted() {
  if (in_pass_.empty()) return;
  interrupted_ = std::all_of(in_pass_.begin(), in_pass_.end(), [&](RequestId id) {
    return std::find(cancellations_.begin(), cancellations_.end(), id) != cancellations_.end();
  });
}

void Embedder::shut_down(std::chrono::milliseconds grace) {
  std::unique_lock lock(mutex_);
  accepting_ = false;
  idle_.wait_for(lock, grace, [&] { return unfinished_.n_taken() == 0; });
  abandon_ = interrupted_ = true;
  wake_.notify_all();
  idle_.wait(lock, [&] { return unfinished_.n_taken() == 0; });
}

std::optional<Error> Embedder::failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
}

size_t Embedder::n_unfinished() const {
  std::lock_guard lock(mutex_);
  return unfinished_.n_taken();
}

void Embedder::run() {
  platform::prepare_compute_thread();
  set_pool_share(kPoolShare);
  while (take_commands()) step();
  end_all({ErrorCategory::kCancelled, "the model was unloaded"});
}

bool Embedder::take_commands() {
  std::vector<RequestId> cancellations;
  bool abandon = false;
  {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] {
      return stopping_ || abandon_ || !arrivals_.empty() || !cancellations_.empty() || !requests_.empty();
    });
    for (auto& request : arrivals_) requests_.push_back(std::move(request));
    arrivals_.clear();
    cancellations.swap(cancellations_);
    abandon = std::exchange(abandon_, false);
    if (stopping_) return false;
    interrupted_ = false;
  }
  for (const RequestId id : cancellations) {
    end(id, Error{ErrorCategory::kCancelled, "the request was cancelled"});
  }
  if (abandon) end_all(kShuttingDown);
  return true;
}

// The next text that nobody has begun, of the request whose turn it is.
std::unique_ptr<Embedder::Text> Embedder::next_text() {
  for (size_t i = 0; i < requests_.size(); ++i) {
    Request& request = *requests_.front();
    std::rotate(requests_.begin(), requests_.begin() + 1, requests_.end());
    if (request.n_begun == request.work.texts.size()) continue;
    if (!request.started) request.started = Clock::now();
    return std::make_unique<Text>(request, request.n_begun++, model_.config());
  }
  return nullptr;
}

// False where it has to wait for the next pass.
bool Embedder::add_part(Text& text, int64_t rows_left, std::vector<Part>& parts) {
  const int64_t pending = text.n_tokens() - text.n_computed;
  const bool whole = !model_.config().causal;
  if (whole && pending > rows_left && !parts.empty()) return false;
  const int64_t n = whole ? pending : std::min(pending, rows_left);
  if (n == 0 || !cache_.extend(text.blocks, text.n_computed + n)) return false;
  parts.push_back({.text = &text, .n = n});
  return true;
}

std::vector<Embedder::Part> Embedder::next_pass() {
  std::vector<Part> parts;
  int64_t rows_left = options_.pass_rows;
  for (size_t i = 0; rows_left > 0; ++i) {
    if (i == texts_.size()) {
      auto text = next_text();
      if (!text) break;
      texts_.push_back(std::move(text));
    }
    if (!add_part(*texts_[i], rows_left, parts)) break;
    rows_left -= parts.back().n;
  }
  return parts;
}

void Embedder::begin_pass(const std::vector<Part>& parts) {
  std::lock_guard lock(mutex_);
  for (const Part& part : parts) in_pass_.push_back(part.text->request->id);
  break_off_if_unwanted();
  if (stopping_ || abandon_) interrupted_ = true;
}

void Embedder::end_pass() {
  std::lock_guard lock(mutex_);
  in_pass_.clear();
}

void Embedder::step() {
  std::vector<Part> parts = next_pass();
  if (parts.empty()) {
    // Nothing is left, or a text that has all blocks to itself has no room, which the plan rules out.
    if (!texts_.empty()) end_all({ErrorCategory::kInternal, "a text does not fit the memory planned for it"});
    return;
  }
  begin_pass(parts);
  auto rows = forward(parts);
  end_pass();
  if (options_.damaged && options_.damaged()) {
    const Error error{ErrorCategory::kIo,
                      "the model's file was changed or cut short while it was in use; load it again"};
    {
      std::lock_guard lock(mutex_);
      failure_ = error;
    }
    return end_all(error);
  }
  if (!rows) {
    if (rows.error().category != ErrorCategory::kCancelled) return end_all(rows.error());
    // Broken off: what is still wanted begins again.
    for (const Part& part : parts) {
      cache_.release(part.text->blocks);
      part.text->n_computed = 0;
      part.text->pooled = model::PooledRows(model_.config());
    }
    return;
  }
  for (const Part& part : parts) advance(part, *rows);
  std::erase_if(texts_, [](const auto& text) { return text->n_computed == text->n_tokens(); });
  std::vector<RequestId> done;
  for (const auto& request : requests_) {
    if (request->n_done == request->work.texts.size()) done.push_back(request->id);
  }
  for (const RequestId id : done) end(id, {});
}

Result<tensor::TensorView> Embedder::forward(std::vector<Part>& parts) {
  const bool encoder = model_.config().is_encoder;
  std::vector<int32_t> tokens, types, sequence, position, outputs;
  std::vector<tensor::SequenceKv> sequences;
  for (Part& part : parts) {
    const EmbedText& text = part.text->text();
    const int64_t first = part.text->n_computed;
    const auto [begin, end] = part.text->pooled.wanted(first, part.n, part.text->n_tokens());
    const auto row = static_cast<int64_t>(tokens.size());
    part.first_row = encoder ? row + begin - first : static_cast<int64_t>(outputs.size());
    for (int64_t i = first; i < first + part.n; ++i) {
      tokens.push_back(text.tokens[static_cast<size_t>(i)]);
      types.push_back(text.second_segment && static_cast<size_t>(i) >= *text.second_segment ? 1 : 0);
      sequence.push_back(static_cast<int32_t>(sequences.size()));
      position.push_back(static_cast<int32_t>(i));
    }
    for (int64_t i = begin; i < end; ++i) outputs.push_back(static_cast<int32_t>(row + i - first));
    sequences.push_back(part.text->blocks.view(first + part.n));
  }
  return model_.forward({.tokens = tokens,
                         .rows = {.sequence = sequence, .position = position, .sequences = sequences},
                         .output_rows = outputs,
                         .kv = cache_.layers(),
                         .hidden_rows = true,
                         .token_types = types,
                         .interrupted = &interrupted_},
                        state_, *backend_, *communicator_);
}

void Embedder::advance(const Part& part, const tensor::TensorView& rows) {
  Text& text = *part.text;
  const auto [begin, end] = text.pooled.wanted(text.n_computed, part.n, text.n_tokens());
  for (int64_t i = begin; i < end; ++i) text.pooled.add(rows.row(part.first_row + i - begin));
  text.n_computed += part.n;
  cache_.pass_window(text.blocks, text.n_computed);
  if (text.n_computed < text.n_tokens()) return;
  cache_.release(text.blocks);
  deliver(text);
}

void Embedder::deliver(Text& text) {
  Request& request = *text.request;
  ++request.n_done;
  std::vector<float> values;
  if (request.work.rank) {
    values.push_back(model_.rank_score(text.pooled, *backend_));
  } else {
    values = model_.vector_of(text.pooled, *backend_, request.work.normalise);
  }
  request.work.sink->on_vector(text.index, std::move(values));
}

void Embedder::end(RequestId id, std::optional<Error> error) {
  const auto found = std::find_if(requests_.begin(), requests_.end(),
                                  [&](const auto& request) { return request->id == id; });
  if (found == requests_.end()) return;
  const std::unique_ptr<Request> request = std::move(*found);
  requests_.erase(found);
  std::erase_if(texts_, [&](const auto& text) {
    if (text->request != request.get()) return false;
    cache_.release(text->blocks);
    return true;
  });
  finish(*request, std::move(error));
}

void Embedder::end_all(const Error& error) {
  for (const auto& text : texts_) cache_.release(text->blocks);
  texts_.clear();
  const auto requests = std::exchange(requests_, {});
  for (const auto& request : requests) finish(*request, error);
}

void Embedder::finish(const Request& request, std::optional<Error> error) {
  const auto now = Clock::now();
  const auto started = request.started.value_or(now);
  request.work.sink->on_end({.error = std::move(error),
                             .n_tokens = request.n_tokens,
                             .queue_ms = milliseconds(request.arrived, started),
                             .compute_ms = milliseconds(started, now)});
  std::lock_guard lock(mutex_);
  unfinished_.give_back(request.work.owner);
  unfinished_tokens_.give_back(request.work.owner, static_cast<size_t>(request.n_tokens));
  idle_.notify_all();
}

}  // namespace hearth::engine
