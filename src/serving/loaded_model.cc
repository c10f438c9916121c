#include "serving/loaded_model.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>

#include "base/human_bytes.h"
#include "base/platform/memory.h"
#include "base/platform/pages.h"
#include "serving/chat_fit.h"
#include "serving/embedding_input.h"
#include "serving/embedding_sink.h"
#include "serving/generation_sink.h"
#include "serving/infill.h"
#include "serving/model_digest.h"
#include "serving/output_constraint.h"
#include "serving/tool_names.h"
#include "tensor/cpu/cpu_backend.h"

namespace hearth::serving {
namespace {

// Brings the file into memory, all threads reading. Files that leave little room for anything else are left
// to be read as they are used.
void populate(const gguf::ModelFile& file, int n_threads,
              const std::function<void(const LoadProgress&)>& report, const std::atomic<bool>& stop) {
  const platform::MemoryState memory = platform::memory_state();
  if (memory.total_bytes > 0 && file.size_bytes() > memory.total_bytes / 10 * 9) return;
  constexpr size_t kPiece = size_t{32} << 20;
  std::atomic<uint64_t> done{0};
  std::mutex reporting;
  // Threads of its own: other models go on computing on the shared ones.
  ThreadPool readers(std::min(n_threads, 16));
  for (const MappedFile& shard : file.shards()) {
    readers.parallel_for(shard.bytes().size(), kPiece, [&](size_t begin, size_t end) {
      if (stop) return;
      shard.populate(begin, end - begin);
      done += end - begin;
      if (!report) return;
      std::lock_guard lock(reporting);
      report({.done_bytes = done, .total_bytes = file.size_bytes()});
    });
  }
}

EngineState engine_state(const engine::EngineStats& stats) {
  return {.n_waiting = stats.n_waiting,
          .n_running = stats.n_running,
          .n_preemptions = stats.preemptions,
          .n_blocks_in_use = stats.kv.n_in_use,
          .n_blocks_kept = stats.kv.n_idle,
          .n_blocks_free = stats.kv.n_blocks - stats.kv.n_in_use - stats.kv.n_idle,
          .n_blocks_evicted = stats.kv.n_evicted,
          .memory_hits = stats.prefix_hits - stats.disk_hits,
          .memory_tokens = stats.cached_tokens - stats.disk_tokens,
          .disk_hits = stats.disk_hits,
          .disk_tokens = stats.disk_tokens};
}

// Tokens that are kept free for the answer where a prompt is made to fit.
int64_t answer_room(int64_t context, int64_t max_tokens) {
  const int64_t room = std::max<int64_t>(1, context / 8);
  return max_tokens < 0 ? room : std::min(room, max_tokens);
}

// Holds a request to a context that is smaller than the engine's.
Status stay_within(int64_t context, engine::EngineRequest& work) {
  const auto n_prompt = static_cast<int64_t>(work.prompt.size());
  const int64_t left = context - n_prompt;
  if (left < (work.max_tokens == 0 ? 0 : 1)) {
    return fail(ErrorCategory::kContextExceeded,
                // Agents look for these words, and then shorten their history.
                "prompt is too long: {} tokens > {} maximum; the context of {} tokens holds the answer too",
                n_prompt, context - (work.max_tokens == 0 ? 0 : 1), context);
  }
  if (work.max_tokens < 0 || work.max_tokens > left) work.max_tokens = left;
  return {};
}

// All of the prompt but its first token becomes given. The first is returned, unless it was put before a text
// to say that one begins: ids come back as they were sent, one by one.
std::optional<text::TokenId> split_for_scores(const text::Tokenizer& tokenizer, bool is_text,
                                              engine::EngineRequest& work) {
  if (work.prompt.empty()) return std::nullopt;
  work.given.assign(work.prompt.begin() + 1, work.prompt.end());
  work.prompt.resize(1);
  const bool begins = is_text && tokenizer.bos() && work.prompt.front() == *tokenizer.bos();
  return begins ? std::nullopt : std::optional(work.prompt.front());
}

}  // namespace

ModelKeeper::Loaded LoadedModel::load(std::shared_ptr<const OpenedModel> opened,
                                      const ModelPoolOptions& options, ThreadPool& threads,
                                      MemoryBudget& budget, const std::atomic<bool>& stop) {
  std::shared_ptr<LoadedModel> loaded(new LoadedModel(std::move(opened), options, threads, budget));
  const gguf::ModelFile& file = loaded->opened_->file();
  HEARTH_TRY(loaded->model_, model::Model::load(file));
  const model::ModelConfig& config = loaded->model_->config();
  const text::Tokenizer& tokenizer = loaded->text().tokenizer();
  if (tokenizer.vocab_size() > static_cast<size_t>(config.vocab_size)) {
    return fail(ErrorCategory::kCorrupt, "the tokenizer has {} tokens, tensor token_embd.weight has {} rows",
                tokenizer.vocab_size(), config.vocab_size);
  }
  loaded->grammars_ = std::make_unique<GrammarCache>(tokenizer);
  for (const int64_t id : tokenizer.spec().suppressed)
    loaded->suppressed_.push_back(static_cast<int32_t>(id));

  loaded->kernels_ =
      options.kernels.empty() ? kernels::available_kernels().front() : kernels::find_kernels(options.kernels);
  if (loaded->kernels_ == nullptr) {
    return fail(ErrorCategory::kInvalidArgument, "kernels \"{}\" are not available on this processor",
                options.kernels);
  }
  // What does not fit is refused before the file is read in.
  auto planned = loaded->plan(config);
  if (!planned) return tl::unexpected(std::move(planned).error());
  loaded->plan_ = std::move(*planned);
  if (config.is_encoder) {
    HEARTH_TRY([[maybe_unused]] engine::Embedder* const embedder, loaded->embedder());
  }
  populate(file, threads.n_threads(), options.on_load_progress, stop);
  if (stop) return fail(ErrorCategory::kCancelled, "the load was given up");
  if (!config.is_encoder) {
    engine::EngineOptions engine = loaded->plan_.engine;
    engine.prefix_store = options.prefix_store;
    engine.damaged = [raw = loaded->opened_.get()] { return raw->file().damaged(); };
    engine.kv.identity = model_digest(file, loaded->kernels_->name);
    HEARTH_TRY(loaded->engine_,
               engine::Engine::create(*loaded->model_, loaded->new_backend(), std::move(engine)));
  }
  if (options.metrics) {
    loaded->metrics_ = options.metrics->of_model(loaded->opened_->summary().name);
    loaded->metrics_->on_load();
  }
  return loaded;
}

std::unique_ptr<tensor::Backend> LoadedModel::new_backend() const {
  return tensor::create_cpu_backend(*kernels_, threads_);
}

tl::expected<ModelPlan, LoadFailure> LoadedModel::plan(const model::ModelConfig& config) {
  const uint64_t weight_bytes = opened_->file().size_bytes();
  const text::VocabularySpec& words = opened_->text().tokenizer().spec();
  const PlanRequest request{.context_length = opened_->summary().context_length,
                            .kv_dtype = options_.kv_dtype,
                            .word_bytes = planned_word_bytes(words.tokens.size(), words.merges.size()),
                            .speculate = options_.speculate,
                            .max_queue = options_.max_queue};
  ModelPlanner planner(new_backend());
  HEARTH_TRY(ModelPlan planned, planner.plan(config, weight_bytes, request));
  const uint64_t need = planned.memory.total_bytes(), left = budget_.left();
  if (need <= left) {
    HEARTH_TRY(planned, planner.plan_with_prefixes(config, weight_bytes, request, left - need));
    claim_ = budget_.claim(planned.memory.total_bytes());
    if (claim_) return planned;
  }
  const uint64_t capacity = budget_.capacity(), missing = need - std::min(need, budget_.left());
  std::string message = fmt::format(
      "{} needs {} of memory ({} weights, {} keys and values for a context of {} tokens, {} working memory), "
      "models can have {}",
      opened_->summary().name, human_bytes(need), human_bytes(planned.memory.weight_bytes),
      human_bytes(planned.memory.cache_bytes()), request.context_length,
      human_bytes(planned.memory.working_bytes()), human_bytes(capacity));
  if (const auto way = planner.smaller(config, weight_bytes, request, capacity)) message += "; " + *way;
  return tl::unexpected(
      LoadFailure(Error{ErrorCategory::kOverloaded, std::move(message)}, std::max<uint64_t>(missing, 1)));
}

Result<engine::Embedder*> LoadedModel::embedder() {
  std::lock_guard lock(embedder_mutex_);
  if (embedder_) return embedder_.get();
  engine::EmbedderOptions options = plan_.embedder;
  options.damaged = [this] { return opened_->file().damaged(); };
  ModelPlanner planner(new_backend());
  HEARTH_TRY(const uint64_t need, planner.embedder_bytes(model_->config(), options));
  // That of an encoder is part of its plan.
  if (engine_) {
    embedder_claim_ = budget_.claim(need);
    if (!embedder_claim_) {
      return fail(ErrorCategory::kOverloaded,
                  "vectors of texts of up to {} tokens need {} of memory more, {} are left; unload another "
                  "model or ask for a smaller context",
                  options.context_length, human_bytes(need), human_bytes(budget_.left()));
    }
  }
  HEARTH_TRY(embedder_, engine::Embedder::create(*model_, new_backend(), std::move(options)));
  return embedder_.get();
}

engine::Embedder* LoadedModel::existing_embedder() const {
  std::lock_guard lock(embedder_mutex_);
  return embedder_.get();
}

std::optional<Error> LoadedModel::failure() const {
  std::optional<Error> failure = engine_ ? engine_->failure() : std::nullopt;
  if (const engine::Embedder* embedder = existing_embedder(); !failure && embedder != nullptr) {
    failure = embedder->failure();
  }
  return failure;
}

void LoadedModel::shut_down(std::chrono::milliseconds grace) {
  const auto deadline = std::chrono::steady_clock::now() + grace;
  if (engine_) engine_->shut_down(grace);
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  if (engine::Embedder* embedder = existing_embedder()) {
    embedder->shut_down(std::max(left, std::chrono::milliseconds(0)));
  }
}

LoadedModel::~LoadedModel() {
  engine_.reset();
  embedder_.reset();
  // The file stays open for words and descriptions; its weights are not needed.
  for (const MappedFile& shard : opened_->file().shards()) {
    platform::drop_mapped_pages(shard.bytes().data(), shard.bytes().size());
  }
  if (metrics_) metrics_->on_unload();
}

LoadedModelState LoadedModel::state() const {
  LoadedModelState state;
  state.summary = summary();
  state.memory = plan_.memory;
  if (engine_) {
    state.n_requests = engine_->n_unfinished();
    state.engine = engine_state(engine_->stats());
    for (const engine::RunningSequence& sequence : engine_->running()) {
      state.running.push_back({.id = sequence.id,
                               .prompt_tokens = sequence.n_prompt,
                               .cached_tokens = sequence.n_cached,
                               .read_tokens = sequence.n_read,
                               .generated_tokens = sequence.n_sampled});
    }
  }
  if (const engine::Embedder* embedder = existing_embedder()) {
    state.memory.embedder_bytes = embedder->bytes();
    state.n_requests += embedder->n_unfinished();
  }
  return state;
}

ModelSummary LoadedModel::summary() const {
  ModelSummary summary = opened_->summary();
  summary.loaded = true;
  return summary;
}

int64_t LoadedModel::context_of(const GenerationRequest& request) const {
  const int64_t context = engine_->context_length();
  return std::min(request.context_length.value_or(context), context);
}

Status LoadedModel::generate(GenerationRequest request, TokenWriter writer) {
  if (!engine_) {
    return fail(ErrorCategory::kUnsupported, "a {} model gives embeddings and cannot generate text",
                opened_->summary().architecture);
  }
  engine::EngineRequest work;
  const int64_t context = context_of(request);
  const ModelDefaults& defaults = opened_->defaults();
  work.max_tokens = request.max_tokens.value_or(defaults.max_tokens.value_or(-1));
  SinkOptions output;
  PromptedOutput written;
  if (auto* chat = std::get_if<ChatPrompt>(&request.prompt)) {
    if (chat->chat_template.empty() && !opened_->summary().capabilities.tools &&
        !callable_tools(*chat, request.tool_choice).empty()) {
      return fail(ErrorCategory::kInvalidArgument, "\"{}\" does not support tools", opened_->summary().name);
    }
    TextModel::EncodedChat encoded;
    if (request.truncate) {
      HEARTH_TRY(FittedChat fitted, fit_chat(text(), *chat, context - answer_room(context, work.max_tokens)));
      encoded = std::move(fitted.chat);
      writer.before_end([n = fitted.n_dropped_messages](GenerationEvent& event) {
        if (auto* end = std::get_if<GenerationEnd>(&event)) end->n_dropped_messages = n;
      });
    } else {
      HEARTH_TRY(encoded, text().encode_chat(*chat));
    }
    work.prompt = std::move(encoded.ids);
    written.syntax = &text().output_syntax(*chat);
    written.starts_in_reasoning = encoded.starts_in_reasoning;
    if (request.parse_output) {
      output.syntax = text().output_syntax(*chat);
      output.parser = {.starts_in_reasoning = encoded.starts_in_reasoning,
                       .tool_names = callable_tools(*chat, request.tool_choice)};
    }
  } else if (auto* plain = std::get_if<TextPrompt>(&request.prompt)) {
    HEARTH_TRY(work.prompt, text().encode(*plain));
  } else if (auto* gap = std::get_if<InfillPrompt>(&request.prompt)) {
    HEARTH_TRY(InfillTokens tokens, encode_infill(text().tokenizer(), *gap));
    work.prompt = std::move(tokens.prompt);
    work.stop_tokens = std::move(tokens.ends);
  } else {
    work.prompt = std::move(std::get<std::vector<text::TokenId>>(request.prompt));
  }
  work.sampling = request.sampling.applied_to(defaults.sampling.applied_to(opened_->card().sampling));
  work.sampler_options = {.suppressed = suppressed_,
                          .logprobs = request.logprobs,
                          .top_logprobs = request.top_logprobs,
                          .kernels = kernels_};
  written.prompt = work.prompt;
  HEARTH_TRY(work.sampler_options.constraint, constraint_for(request, written, *grammars_));
  HEARTH_CHECK_OK(stay_within(context, work));
  work.cache_scope = std::move(request.cache_scope);
  if (!request.ignore_end_of_generation) {
    const auto ends = text().tokenizer().end_of_generation();
    work.stop_tokens.insert(work.stop_tokens.end(), ends.begin(), ends.end());
  }
  output.stops = request.stop.empty() ? defaults.stop : std::move(request.stop);
  output.logprobs = request.logprobs;
  if (request.score_prompt) {
    const bool is_text = std::holds_alternative<TextPrompt>(request.prompt);
    output.unscored = split_for_scores(text().tokenizer(), is_text, work);
  }
  output.parallel_tool_calls = request.parallel_tool_calls;
  auto sink = std::make_shared<GenerationSink>(std::move(writer), text().tokenizer(), std::move(output));
  work.sink = sink;
  if (metrics_) work.sink = metered(std::move(work.sink), metrics_);
  HEARTH_TRY(const engine::SequenceId id, engine_->submit(std::move(work)));
  // The stream may outlive the model.
  sink->set_on_cancel([weak = weak_from_this(), id] {
    if (const auto model = weak.lock()) model->engine_->cancel(id);
  });
  return {};
}

template <typename Sink>
Status LoadedModel::submit(engine::Embedder& embedder, engine::EmbedRequest work, TokenWriter writer) {
  auto sink = std::make_shared<Sink>(std::move(writer));
  work.sink = sink;
  HEARTH_TRY(const engine::Embedder::RequestId id, embedder.submit(std::move(work)));
  // The stream may outlive the model.
  sink->set_on_cancel([weak = weak_from_this(), id] {
    if (const auto model = weak.lock()) model->existing_embedder()->cancel(id);
  });
  return {};
}

Status LoadedModel::embed(EmbeddingRequest request, TokenWriter writer) {
  if (model_->config().ranks()) {
    return fail(ErrorCategory::kUnsupported, "this model ranks documents and gives no embeddings");
  }
  HEARTH_TRY(engine::Embedder* const embedder, this->embedder());
  const auto max_tokens = static_cast<size_t>(opened_->summary().context_length);
  engine::EmbedRequest work;
  work.normalise = request.normalise;
  work.owner = std::move(request.cache_scope);
  int64_t n_dropped = 0;
  for (auto& input : request.inputs) {
    engine::EmbedText& whole = work.texts.emplace_back();
    if (const auto* words = std::get_if<std::string>(&input)) {
      whole = embedding_input(text(), *words);
    } else {
      whole.tokens = std::move(std::get<std::vector<text::TokenId>>(input));
    }
    if (request.truncate) n_dropped += cut_to(max_tokens, text().tokenizer(), whole);
  }
  writer.before_end([n_dropped](GenerationEvent& event) {
    if (auto* end = std::get_if<GenerationEnd>(&event)) end->n_dropped_tokens = n_dropped;
  });
  return submit<EmbeddingSink>(*embedder, std::move(work), std::move(writer));
}

Status LoadedModel::rank(RankRequest request, TokenWriter writer) {
  HEARTH_TRY(engine::Embedder* const embedder, this->embedder());
  const auto max_tokens = static_cast<size_t>(opened_->summary().context_length);
  const bool reranker = model_->config().ranks();
  engine::EmbedRequest work;
  work.rank = reranker;
  work.owner = std::move(request.cache_scope);
  if (!reranker) work.texts.push_back(embedding_input(text(), request.query));
  if (!reranker && work.texts.front().tokens.size() > max_tokens) {
    return fail(ErrorCategory::kContextExceeded, "query has {} tokens, the model takes {}",
                work.texts.front().tokens.size(), max_tokens);
  }
  for (size_t i = 0; i < request.documents.size(); ++i) {
    const std::string& document = request.documents[i];
    engine::EmbedText& input = work.texts.emplace_back(
        reranker ? ranking_input(text(), request.query, document) : embedding_input(text(), document));
    if (input.tokens.size() > max_tokens) {
      return fail(ErrorCategory::kContextExceeded, "documents[{}] has {} tokens{}, the model takes {}", i,
                  input.tokens.size(), reranker ? " with the query" : "", max_tokens);
    }
  }
  return reranker ? submit<RankingSink>(*embedder, std::move(work), std::move(writer))
                  : submit<CosineSink>(*embedder, std::move(work), std::move(writer));
}

}  // namespace hearth::serving
