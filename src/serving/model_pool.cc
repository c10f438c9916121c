#include "serving/model_pool.h"

#include <algorithm>
#include <mutex>

#include "base/human_bytes.h"
#include "base/platform/memory.h"
#include "kernels/kernels.h"
#include "serving/loaded_model.h"
#include "serving/model_keeper.h"
#include "serving/model_name.h"

namespace hearth::serving {
namespace {

// "dir/llama-3.1-8b.Q4_K_M-00001-of-00004.gguf" -> "llama-3.1-8b.Q4_K_M"
std::string name_of_file(const std::filesystem::path& path) {
  std::string name = path.filename().string();
  if (name.ends_with(".gguf")) name.resize(name.size() - 5);
  constexpr size_t kShardSuffix = std::string_view("-00001-of-00001").size();
  if (name.size() > kShardSuffix && name[name.size() - kShardSuffix] == '-' &&
      name.compare(name.size() - 9, 4, "-of-") == 0) {
    name.resize(name.size() - kShardSuffix);
  }
  return name;
}

int64_t unix_seconds_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Errors of the file itself name it already.
Error with_file(Error error, const std::filesystem::path& path) {
  const bool named = error.message.find(path.filename().string()) != std::string::npos;
  return named ? std::move(error) : std::move(error).with_context(path.string());
}

class LocalModelPool : public ModelPool {
 public:
  explicit LocalModelPool(ModelPoolOptions options)
      : options_(std::move(options)),
        threads_(options_.n_threads > 0 ? options_.n_threads : ThreadPool::usable_processors()),
        budget_(options_.memory_bytes),
        keeper_(options_.max_queue) {}

  ~LocalModelPool() override { shut_down(0); }

  Result<ModelSummary> open(const std::filesystem::path& path, std::string name) override {
    HEARTH_TRY(const Entry entry, open_entry(path, std::move(name)));
    return summary_of(entry);
  }

  Result<ModelSummary> load(const std::filesystem::path& path, std::string name) override {
    HEARTH_TRY(const Entry entry, open_entry(path, std::move(name)));
    HEARTH_TRY(TokenStream loading, preload(entry, kKeepForever));
    GenerationEvent end = loading.next();
    if (auto* error = std::get_if<Error>(&end)) {
      remove(entry);
      return propagate(with_file(std::move(*error), path));
    }
    return summary_of(entry);
  }

  std::vector<ModelSummary> list_models() const override {
    std::vector<ModelSummary> summaries;
    for (const Entry& entry : entries()) summaries.push_back(summary_of(entry));
    return summaries;
  }

  std::vector<LoadedModelState> loaded_models() const override {
    const int64_t now = unix_seconds_now();
    std::vector<LoadedModelState> states;
    for (const ModelKeeper::Resident& resident : keeper_.residents()) {
      LoadedModelState& state = states.emplace_back(resident.model->state());
      if (!resident.leaves_in) continue;
      state.expires_unix_seconds =
          now + std::chrono::duration_cast<std::chrono::seconds>(*resident.leaves_in).count();
    }
    return states;
  }

  MemoryUse memory() const override {
    const platform::ProcessMemory process = platform::process_memory();
    return {.budget_bytes = budget_.capacity(),
            .planned_bytes = budget_.claimed(),
            .anonymous_bytes = process.anonymous_bytes,
            .mapped_bytes = process.file_bytes};
  }

  std::optional<PrefixDiskState> prefix_disk() const override {
    if (options_.prefix_store == nullptr) return std::nullopt;
    const engine::PrefixStoreStats stats = options_.prefix_store->stats();
    return PrefixDiskState{.bytes = stats.bytes,
                           .n_blocks = stats.n_blocks,
                           .n_read = stats.n_read,
                           .n_written = stats.n_written,
                           .n_removed = stats.n_removed,
                           .n_damaged = stats.n_damaged};
  }

  std::string resolve(const std::string& name) const override {
    return options_.aliases.resolve(name, list_models());
  }

  Result<ModelDetails> describe(const std::string& name) override {
    HEARTH_TRY(const Entry entry, get(name));
    HEARTH_TRY(ModelDetails details, entry.opened->describe());
    details.summary = summary_of(entry);
    return details;
  }

  Result<std::shared_ptr<const TextModel>> text_model(const std::string& name) override {
    HEARTH_TRY(const Entry entry, get(name));
    return std::shared_ptr<const TextModel>(entry.opened, &entry.opened->text());
  }

  Result<TokenStream> preload(const std::string& name, std::optional<KeepAlive> keep_alive) override {
    HEARTH_TRY(const Entry entry, get(name));
    return preload(entry, keep_alive);
  }

  Status unload(const std::string& name) override {
    HEARTH_TRY(const Entry entry, get(name));
    keeper_.dismiss(entry.id);
    return {};
  }

  Result<TokenStream> generate(GenerationRequest request) override {
    return start(std::move(request), &ResidentModel::generate);
  }
  Result<TokenStream> embed(EmbeddingRequest request) override {
    return start(std::move(request), &ResidentModel::embed);
  }
  Result<TokenStream> rank(RankRequest request) override {
    return start(std::move(request), &ResidentModel::rank);
  }

  bool healthy(std::string* why) const override {
    {
      std::lock_guard lock(mutex_);
      if (shutting_down_) {
        if (why != nullptr) *why = "the server is shutting down";
        return false;
      }
    }
    for (const ModelKeeper::Resident& resident : keeper_.residents()) {
      if (const auto failure = resident.model->failure()) {
        if (why != nullptr) {
          *why = fmt::format("model '{}': {}", resident.model->state().summary.name, failure->message);
        }
        return false;
      }
    }
    return true;
  }

  void shut_down(int grace_ms) override {
    {
      std::lock_guard lock(mutex_);
      shutting_down_ = true;
    }
    keeper_.shut_down(std::chrono::milliseconds(grace_ms));
  }

 private:
  struct Entry {
    std::shared_ptr<const OpenedModel> opened;
    ModelKeeper::Id id = 0;
  };
  using Work = std::function<Status(ResidentModel&, TokenWriter)>;

  Result<Entry> open_entry(const std::filesystem::path& path, std::string name) {
    if (name.empty()) name = name_of_file(path);
    auto opened = OpenedModel::open(path, std::move(name), options_.context_length, options_.prompt_rules);
    if (!opened) return propagate(with_file(std::move(opened).error(), path));
    return add(std::move(*opened));
  }

  Result<Entry> add(std::shared_ptr<const OpenedModel> opened) {
    const std::string& name = opened->summary().name;
    std::lock_guard lock(mutex_);
    if (find_locked(name) != nullptr) {
      return fail(ErrorCategory::kInvalidArgument, "a model named \"{}\" is served already", name);
    }
    auto loader = [this, opened](const std::atomic<bool>& stop) -> ModelKeeper::Loaded {
      auto loaded = LoadedModel::load(opened, options_, threads_, budget_, stop);
      if (!loaded && loaded.error().missing_bytes > 0) loaded.error().error.message += smaller_than(*opened);
      return loaded;
    };
    return entries_.emplace_back(Entry{opened, keeper_.add(options_.keep_alive, std::move(loader))});
  }

  // The largest model of the same kind that would fit instead, as the end of a sentence.
  std::string smaller_than(const OpenedModel& large) const {
    const auto writes = [](const ModelSummary& model) { return model.capabilities.completion; };
    std::optional<ModelSummary> best;
    for (const ModelSummary& model : list_models()) {
      const bool fits = model.size_bytes < std::min(large.summary().size_bytes, budget_.capacity() / 10 * 9);
      if (!fits || writes(model) != writes(large.summary())) continue;
      if (!best || model.size_bytes > best->size_bytes) best = model;
    }
    return best ? fmt::format("; {} ({}) is smaller", best->name, human_bytes(best->size_bytes))
                : std::string();
  }

  void remove(const Entry& entry) {
    std::lock_guard lock(mutex_);
    std::erase_if(entries_, [&](const Entry& e) { return e.id == entry.id; });
  }

  std::vector<Entry> entries() const {
    std::lock_guard lock(mutex_);
    return entries_;
  }

  // The name as it is written, else one that means the same.
  const Entry* find_locked(std::string_view name) const {
    const Entry* found = nullptr;
    for (const Entry& entry : entries_) {
      const std::string& served = entry.opened->summary().name;
      if (served == name) return &entry;
      if (found == nullptr && same_model_name(served, name)) found = &entry;
    }
    return found;
  }

  Result<Entry> get(const std::string& name) const {
    std::lock_guard lock(mutex_);
    if (shutting_down_) return fail(ErrorCategory::kOverloaded, "the server is shutting down");
    const Entry* entry = find_locked(name);
    if (entry == nullptr) return fail(ErrorCategory::kNotFound, "model '{}' not found", name);
    return *entry;
  }

  ModelSummary summary_of(const Entry& entry) const {
    ModelSummary summary = entry.opened->summary();
    summary.loaded = keeper_.present(entry.id);
    return summary;
  }

  template <typename Request>
  Result<TokenStream> start(Request request, Status (ResidentModel::*method)(Request, TokenWriter)) {
    HEARTH_TRY(const Entry entry, get(request.model));
    const std::optional<KeepAlive> keep_alive = request.keep_alive;
    const auto shared = std::make_shared<Request>(std::move(request));
    return start(entry, keep_alive, [shared, method](ResidentModel& model, TokenWriter writer) {
      return (model.*method)(std::move(*shared), std::move(writer));
    });
  }

  Result<TokenStream> preload(const Entry& entry, std::optional<KeepAlive> keep_alive) {
    return start(entry, keep_alive, [](ResidentModel&, TokenWriter writer) -> Status {
      writer.push(GenerationEnd{});
      return {};
    });
  }

  // Runs `work` now, or as soon as the model is there. `work` is called once at most.
  Result<TokenStream> start(const Entry& entry, std::optional<KeepAlive> keep_alive, Work work) {
    auto [stream, writer] = TokenStream::create();
    const auto run = [work = std::move(work)](ModelUse use, TokenWriter to) {
      // The use lasts until the end of the stream; how long the model took to come is told there.
      to.before_end([hold = std::move(use.hold), load_ms = use.load_ms](GenerationEvent& event) {
        if (auto* end = std::get_if<GenerationEnd>(&event)) end->timings.load_ms = load_ms;
      });
      return work(*use.model, std::move(to));
    };
    const ModelKeeper::Ticket ticket = keeper_.new_ticket();
    writer.set_on_cancel([ticket, to = writer]() mutable {
      if (ticket.abandon()) to.push(Error{ErrorCategory::kCancelled, "the request was cancelled"});
    });
    HEARTH_TRY(
        std::optional<ModelUse> use,
        keeper_.acquire(entry.id, keep_alive, ticket, [run, to = writer](Result<ModelUse> later) mutable {
          const Status started = later ? run(std::move(*later), to) : propagate(std::move(later).error());
          if (!started) to.push(started.error());
        }));
    if (use) HEARTH_CHECK_OK(run(std::move(*use), writer));
    return std::move(stream);
  }

  const ModelPoolOptions options_;
  ThreadPool threads_;
  MemoryBudget budget_;
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
  bool shutting_down_ = false;
  ModelKeeper keeper_;  // last: its models use the threads
};

Status check(const ModelPoolOptions& options) {
  if (options.n_threads < 0 || options.n_threads > 1024) {
    return fail(ErrorCategory::kInvalidArgument,
                "threads is {}, must be between 1 and 1024 (0 = as many as there are)", options.n_threads);
  }
  if (options.context_length < 0 || options.context_length > model::kMaxContext) {
    return fail(ErrorCategory::kInvalidArgument, "context is {}, must be between 1 and {}",
                options.context_length, model::kMaxContext);
  }
  using kernels::DType;
  if (options.kv_dtype != DType::kF32 && options.kv_dtype != DType::kF16 &&
      options.kv_dtype != DType::kQ8_0) {
    return fail(ErrorCategory::kInvalidArgument, "a KV cache is F32, F16 or Q8_0, not {}",
                kernels::traits_of(options.kv_dtype).name);
  }
  if (!options.kernels.empty() && kernels::find_kernels(options.kernels) == nullptr) {
    std::string known;
    for (const auto* table : kernels::available_kernels())
      known += (known.empty() ? "" : ", ") + std::string(table->name);
    return fail(ErrorCategory::kInvalidArgument,
                "kernels \"{}\" are not available on this processor; there are: {}", options.kernels, known);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<ModelPool>> ModelPool::create(ModelPoolOptions options) {
  HEARTH_CHECK_OK(check(options));
  return std::unique_ptr<ModelPool>(std::make_unique<LocalModelPool>(std::move(options)));
}

}  // namespace hearth::serving
