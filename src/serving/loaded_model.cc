#include "serving/loaded_model.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>

#include "base/platform/memory.h"
#include "serving/embedding_input.h"
#include "serving/embedding_sink.h"
#include "serving/generation_sink.h"
#include "serving/infill.h"
#include "serving/metadata_value.h"
#include "serving/model_card.h"
#include "tensor/cpu/cpu_backend.h"

namespace hearth::serving {
namespace {

constexpr int64_t kDefaultContext = 8192;

// Brings the file into memory, all threads reading. Files that leave little room for anything else are left
// to be read as they are used.
void populate(const gguf::ModelFile& file, ThreadPool& threads,
              const std::function<void(const LoadProgress&)>& report) {
  const platform::MemoryState memory = platform::memory_state();
  if (memory.total_bytes > 0 && file.size_bytes() > memory.total_bytes / 10 * 9) return;
  constexpr size_t kPiece = size_t{32} << 20;
  std::atomic<uint64_t> done{0};
  std::mutex reporting;
  for (const MappedFile& shard : file.shards()) {
    threads.parallel_for(shard.bytes().size(), kPiece, [&](size_t begin, size_t end) {
      shard.populate(begin, end - begin);
      done += end - begin;
      if (!report) return;
      std::lock_guard lock(reporting);
      report({.done_bytes = done, .total_bytes = file.size_bytes()});
    });
  }
}

// Tokens a request may use.
Result<int64_t> plan_context(const model::ModelConfig& config, const ModelPoolOptions& options) {
  if (options.context_length == 0) return std::min(config.context_length, kDefaultContext);
  // Encoders have their own, small limit: a context that was asked for is for the models that generate.
  if (config.is_encoder) return std::min(config.context_length, options.context_length);
  if (options.context_length > config.context_length) {
    return fail(ErrorCategory::kInvalidArgument,
                "a context of {} tokens was asked for, the model was made for {}", options.context_length,
                config.context_length);
  }
  return options.context_length;
}

// kOverloaded when memory is short.
Status check_room(uint64_t need_bytes, int64_t context_length) {
  const uint64_t available = platform::memory_state().available_bytes;
  if (available == 0 || need_bytes <= available) return {};
  return fail(ErrorCategory::kOverloaded,
              "a context of {} tokens needs {} MB of memory beside the weights, {} MB are free; ask for a "
              "smaller context",
              context_length, need_bytes >> 20, available >> 20);
}

Result<engine::EngineOptions> plan_engine(const model::ModelConfig& config, const ModelPoolOptions& options,
                                          int64_t context_length) {
  engine::EngineOptions plan;
  plan.kv.dtype = options.kv_dtype;
  plan.kv.context_length = context_length;
  plan.limits.max_waiting = options.max_queue;
  plan.speculate = options.speculate;
  plan.kv.max_batch_rows = plan.limits.max_batch_rows;
  HEARTH_TRY(const engine::KvPlan kv, engine::KvPlan::create(config, plan.kv));
  HEARTH_CHECK_OK(
      check_room(kv.bytes() + model::RunState::planned_bytes(config, plan.run_limits()), context_length));
  return plan;
}

int64_t modified_seconds(const std::filesystem::path& path) {
  std::error_code error;
  const auto time = std::filesystem::last_write_time(path, error);
  if (error) return 0;
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::file_clock::to_sys(time).time_since_epoch())
      .count();
}

}  // namespace

Result<std::shared_ptr<LoadedModel>> LoadedModel::load(const std::filesystem::path& path, std::string name,
                                                       const ModelPoolOptions& options, ThreadPool& threads) {
  HEARTH_TRY(gguf::ModelFile file, gguf::ModelFile::open(path));
  std::shared_ptr<LoadedModel> loaded(new LoadedModel(std::move(file), options, threads));
  HEARTH_TRY(loaded->model_, model::Model::load(loaded->file_));
  const model::ModelConfig& config = loaded->model_->config();
  HEARTH_TRY(loaded->text_, TextModel::open(loaded->file_));
  const text::Tokenizer& tokenizer = loaded->text_->tokenizer();
  if (tokenizer.vocab_size() > static_cast<size_t>(config.vocab_size)) {
    return fail(ErrorCategory::kCorrupt, "the tokenizer has {} tokens, tensor token_embd.weight has {} rows",
                tokenizer.vocab_size(), config.vocab_size);
  }
  HEARTH_TRY(const int64_t context_length, plan_context(config, options));

  HEARTH_TRY(const ModelCard card, read_model_card(loaded->file_));
  loaded->default_sampling_ = card.sampling;
  for (const int64_t id : tokenizer.spec().suppressed)
    loaded->suppressed_.push_back(static_cast<int32_t>(id));
  loaded->summary_ = {.name = std::move(name),
                      .path = path.string(),
                      .architecture = config.architecture,
                      .quantisation = card.main_type(),
                      .size_bytes = loaded->file_.size_bytes(),
                      .n_parameters = card.parameters,
                      .context_length = context_length,
                      .modified_unix_seconds = modified_seconds(path),
                      .loaded = true};

  loaded->kernels_ =
      options.kernels.empty() ? kernels::available_kernels().front() : kernels::find_kernels(options.kernels);
  if (loaded->kernels_ == nullptr) {
    return fail(ErrorCategory::kInvalidArgument, "kernels \"{}\" are not available on this processor",
                options.kernels);
  }
  // What does not fit is refused before the file is read in.
  if (config.is_encoder) {
    HEARTH_TRY([[maybe_unused]] engine::Embedder* const embedder, loaded->embedder());
    populate(loaded->file_, threads, options.on_load_progress);
    return loaded;
  }
  HEARTH_TRY(engine::EngineOptions plan, plan_engine(config, options, context_length));
  plan.damaged = [raw = loaded.get()] { return raw->file_.damaged(); };
  populate(loaded->file_, threads, options.on_load_progress);
  HEARTH_TRY(loaded->engine_,
             engine::Engine::create(*loaded->model_, tensor::create_cpu_backend(*loaded->kernels_, threads),
                                    std::move(plan)));
  return loaded;
}

Result<engine::Embedder*> LoadedModel::embedder() {
  std::lock_guard lock(embedder_mutex_);
  if (embedder_) return embedder_.get();
  engine::EmbedderOptions plan;
  plan.kv_dtype = options_.kv_dtype;
  plan.context_length = summary_.context_length;
  plan.max_waiting = options_.max_queue;
  plan.damaged = [this] { return file_.damaged(); };
  HEARTH_TRY(const size_t need, engine::Embedder::planned_bytes(model_->config(), plan));
  HEARTH_CHECK_OK(check_room(need, plan.context_length));
  HEARTH_TRY(embedder_,
             engine::Embedder::create(*model_, tensor::create_cpu_backend(*kernels_, threads_), std::move(plan)));
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

LoadedModelState LoadedModel::state() const {
  LoadedModelState state;
  state.summary = summary_;
  state.weight_bytes = file_.size_bytes();
  if (engine_) {
    const engine::EngineMemory memory = engine_->memory();
    state.cache_bytes = memory.kv_planned_bytes;
    state.scratch_bytes = memory.scratch_bytes;
    state.n_requests = engine_->n_unfinished();
  }
  if (const engine::Embedder* embedder = existing_embedder()) {
    state.scratch_bytes += embedder->bytes();
    state.n_requests += embedder->n_unfinished();
  }
  return state;
}

Result<ModelDetails> LoadedModel::describe() const {
  ModelDetails details;
  details.summary = summary_;
  HEARTH_TRY(details.card, read_model_card(file_));
  HEARTH_TRY(const auto chat_template, file_.metadata().get_string("tokenizer.chat_template"));
  details.chat_template = std::string(chat_template.value_or(std::string_view()));
  HEARTH_TRY(details.metadata, metadata_value(file_.metadata()));
  return details;
}

Result<TokenStream> LoadedModel::generate(GenerationRequest request) {
  if (!engine_) {
    return fail(ErrorCategory::kUnsupported, "a {} model gives embeddings and cannot generate text",
                summary_.architecture);
  }
  engine::EngineRequest work;
  if (auto* chat = std::get_if<ChatPrompt>(&request.prompt)) {
    HEARTH_TRY(work.prompt, text_->encode(*chat));
  } else if (auto* plain = std::get_if<TextPrompt>(&request.prompt)) {
    HEARTH_TRY(work.prompt, text_->encode(*plain));
  } else if (auto* gap = std::get_if<InfillPrompt>(&request.prompt)) {
    HEARTH_TRY(InfillTokens tokens, encode_infill(text_->tokenizer(), *gap));
    work.prompt = std::move(tokens.prompt);
    work.stop_tokens = std::move(tokens.ends);
  } else {
    work.prompt = std::move(std::get<std::vector<text::TokenId>>(request.prompt));
  }
  work.sampling = request.sampling.applied_to(default_sampling_);
  work.sampler_options = {.suppressed = suppressed_,
                          .logprobs = request.logprobs,
                          .top_logprobs = request.top_logprobs,
                          .kernels = kernels_};
  work.max_tokens = request.max_tokens.value_or(-1);
  if (!request.ignore_end_of_generation) {
    const auto ends = text_->tokenizer().end_of_generation();
    work.stop_tokens.insert(work.stop_tokens.end(), ends.begin(), ends.end());
  }
  auto [stream, writer] = TokenStream::create();
  auto sink = std::make_shared<GenerationSink>(std::move(writer), text_->tokenizer(), std::move(request.stop),
                                               request.logprobs);
  work.sink = sink;
  HEARTH_TRY(const engine::SequenceId id, engine_->submit(std::move(work)));
  // The stream may outlive the model.
  sink->set_on_cancel([weak = weak_from_this(), id] {
    if (const auto model = weak.lock()) model->engine_->cancel(id);
  });
  return std::move(stream);
}

template <typename Sink>
Result<TokenStream> LoadedModel::submit(engine::Embedder& embedder, engine::EmbedRequest work) {
  auto [stream, writer] = TokenStream::create();
  auto sink = std::make_shared<Sink>(std::move(writer));
  work.sink = sink;
  HEARTH_TRY(const engine::Embedder::RequestId id, embedder.submit(std::move(work)));
  // The stream may outlive the model.
  sink->set_on_cancel([weak = weak_from_this(), id] {
    if (const auto model = weak.lock()) model->existing_embedder()->cancel(id);
  });
  return std::move(stream);
}

Result<TokenStream> LoadedModel::embed(EmbeddingRequest request) {
  if (model_->config().ranks()) {
    return fail(ErrorCategory::kUnsupported, "this model ranks documents and gives no embeddings");
  }
  HEARTH_TRY(engine::Embedder* const embedder, this->embedder());
  const auto max_tokens = static_cast<size_t>(summary_.context_length);
  engine::EmbedRequest work;
  work.normalise = request.normalise;
  for (auto& input : request.inputs) {
    if (const auto* words = std::get_if<std::string>(&input)) {
      work.texts.push_back(embedding_input(*text_, *words, request.truncate, max_tokens));
      continue;
    }
    auto& tokens = std::get<std::vector<text::TokenId>>(input);
    if (request.truncate && tokens.size() > max_tokens) tokens.resize(max_tokens);
    work.texts.push_back({std::move(tokens)});
  }
  return submit<EmbeddingSink>(*embedder, std::move(work));
}

Result<TokenStream> LoadedModel::rank(RankRequest request) {
  HEARTH_TRY(engine::Embedder* const embedder, this->embedder());
  const auto max_tokens = static_cast<size_t>(summary_.context_length);
  const bool reranker = model_->config().ranks();
  engine::EmbedRequest work;
  work.rank = reranker;
  if (!reranker) work.texts.push_back(embedding_input(*text_, request.query, false, max_tokens));
  if (!reranker && work.texts.front().tokens.size() > max_tokens) {
    return fail(ErrorCategory::kContextExceeded, "query has {} tokens, the model takes {}",
                work.texts.front().tokens.size(), max_tokens);
  }
  for (size_t i = 0; i < request.documents.size(); ++i) {
    const std::string& document = request.documents[i];
    engine::EmbedText& text =
        work.texts.emplace_back(reranker ? ranking_input(*text_, request.query, document)
                                         : embedding_input(*text_, document, false, max_tokens));
    if (text.tokens.size() > max_tokens) {
      return fail(ErrorCategory::kContextExceeded, "documents[{}] has {} tokens{}, the model takes {}", i,
                  text.tokens.size(), reranker ? " with the query" : "", max_tokens);
    }
  }
  return reranker ? submit<RankingSink>(*embedder, std::move(work))
                  : submit<CosineSink>(*embedder, std::move(work));
}

}  // namespace hearth::serving
