#include "serving/loaded_model.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>

#include "base/platform/memory.h"
#include "serving/generation_sink.h"
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

Result<engine::EngineOptions> plan_engine(const model::ModelConfig& config, const ModelPoolOptions& options) {
  engine::EngineOptions plan;
  plan.kv.dtype = options.kv_dtype;
  plan.kv.context_length =
      options.context_length > 0 ? options.context_length : std::min(config.context_length, kDefaultContext);
  if (plan.kv.context_length > config.context_length) {
    return fail(ErrorCategory::kInvalidArgument,
                "a context of {} tokens was asked for, the model was made for {}", plan.kv.context_length,
                config.context_length);
  }
  plan.limits.max_waiting = options.max_queue;
  plan.speculate = options.speculate;
  plan.kv.max_batch_rows = plan.limits.max_batch_rows;
  HEARTH_TRY(const engine::KvPlan kv, engine::KvPlan::create(config, plan.kv));
  const uint64_t need = kv.bytes() + model::RunState::planned_bytes(config, plan.run_limits());
  const uint64_t available = platform::memory_state().available_bytes;
  if (available > 0 && need > available) {
    return fail(ErrorCategory::kOverloaded,
                "a context of {} tokens needs {} MB of memory beside the weights, {} MB are free; ask for a "
                "smaller context",
                plan.kv.context_length, need >> 20, available >> 20);
  }
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
  std::shared_ptr<LoadedModel> loaded(new LoadedModel(std::move(file)));
  HEARTH_TRY(loaded->model_, model::Model::load(loaded->file_));
  const model::ModelConfig& config = loaded->model_->config();
  HEARTH_TRY(loaded->text_, TextModel::open(loaded->file_));
  const text::Tokenizer& tokenizer = loaded->text_->tokenizer();
  if (tokenizer.vocab_size() > static_cast<size_t>(config.vocab_size)) {
    return fail(ErrorCategory::kCorrupt, "the tokenizer has {} tokens, tensor token_embd.weight has {} rows",
                tokenizer.vocab_size(), config.vocab_size);
  }
  HEARTH_TRY(engine::EngineOptions plan, plan_engine(config, options));
  plan.damaged = [raw = loaded.get()] { return raw->file_.damaged(); };

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
                      .context_length = plan.kv.context_length,
                      .modified_unix_seconds = modified_seconds(path),
                      .loaded = true};

  loaded->kernels_ =
      options.kernels.empty() ? kernels::available_kernels().front() : kernels::find_kernels(options.kernels);
  if (loaded->kernels_ == nullptr) {
    return fail(ErrorCategory::kInvalidArgument, "kernels \"{}\" are not available on this processor",
                options.kernels);
  }
  populate(loaded->file_, threads, options.on_load_progress);
  HEARTH_TRY(loaded->engine_,
             engine::Engine::create(*loaded->model_, tensor::create_cpu_backend(*loaded->kernels_, threads),
                                    std::move(plan)));
  return loaded;
}

LoadedModelState LoadedModel::state() const {
  const engine::EngineMemory memory = engine_->memory();
  return {.summary = summary_,
          .weight_bytes = file_.size_bytes(),
          .cache_bytes = memory.kv_planned_bytes,
          .scratch_bytes = memory.scratch_bytes,
          .n_requests = engine_->n_unfinished(),
          .expires_unix_seconds = std::nullopt};
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
  engine::EngineRequest work;
  if (auto* chat = std::get_if<ChatPrompt>(&request.prompt)) {
    HEARTH_TRY(work.prompt, text_->encode(*chat));
  } else if (auto* plain = std::get_if<TextPrompt>(&request.prompt)) {
    HEARTH_TRY(work.prompt, text_->encode(*plain));
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
    work.stop_tokens.assign(ends.begin(), ends.end());
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

}  // namespace hearth::serving
