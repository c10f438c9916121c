#include "serving/model_pool.h"

#include <algorithm>
#include <mutex>

#include "base/human_bytes.h"
#include "base/platform/memory.h"
#include "gguf/shards.h"
#include "kernels/kernels.h"
#include "serving/loaded_model.h"
#include "serving/model_choice.h"
#include "serving/model_keeper.h"
#include "serving/model_name.h"
#include "serving/served_model.h"
#include "serving/stored_models.h"

namespace hearth::serving {
namespace {

// "dir/llama-3.1-8b.Q4_K_M-00001-of-00004.gguf" -> "llama-3.1-8b.Q4_K_M"
std::string name_of_file(const std::filesystem::path& path) {
  std::string name = (gguf::has_gguf_ending(path) ? path.stem() : path.filename()).string();
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

uint64_t resident_bytes() {
  const platform::ProcessMemory process = platform::process_memory();
  return process.anonymous_bytes + process.file_bytes;
}

class LocalModelPool : public ModelPool {
 public:
  explicit LocalModelPool(ModelPoolOptions options)
      : options_(std::move(options)),
        threads_(options_.n_threads > 0 ? options_.n_threads : ThreadPool::usable_processors()),
        budget_(options_.memory_bytes),
        process_bytes_(resident_bytes()),
        keeper_(options_.max_queue) {
    if (options_.store == nullptr) return;
    OpenedModel::Options of_all;
    of_all.context_length = options_.context_length;
    of_all.prompt_rules = options_.prompt_rules;
    stored_ = std::make_unique<StoredModels>(options_.store, std::move(of_all));
  }

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
    const std::vector<Entry> known = entries();
    for (const Entry& entry : known) {
      if (entry.model->stored() == nullptr) summaries.push_back(summary_of(entry));
    }
    if (stored_ == nullptr) return summaries;
    const size_t n_named = summaries.size();
    for (ModelSummary& summary : stored_->list()) {
      const auto has_name = [&](const auto& other) { return same_model_name(other.name, summary.name); };
      if (std::any_of(summaries.begin(), summaries.begin() + n_named, has_name)) continue;
      for (const Entry& entry : known) {
        if (same_model_name(entry.model->name(), summary.name)) summary.loaded = keeper_.present(entry.id);
      }
      summaries.push_back(std::move(summary));
    }
    return summaries;
  }

  Result<ModelSummary> find(const std::string& name) override {
    HEARTH_TRY(const Entry entry, get(name));
    return summary_of(entry);
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

  std::vector<AwaitedModel> awaited_models() const override {
    std::vector<AwaitedModel> awaited;
    for (const Entry& entry : entries()) {
      if (const size_t n = keeper_.n_waiting(entry.id)) awaited.push_back({entry.model->name(), n});
    }
    return awaited;
  }

  MemoryUse memory() const override {
    const platform::ProcessMemory process = platform::process_memory();
    return {.budget_bytes = budget_.capacity(),
            .planned_bytes = budget_.claimed(),
            .process_bytes = process_bytes_,
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
    if (find_entry(name) || (stored_ && stored_->find(name))) return name;
    // An alias needs no listing, but for the one that holds where one model alone is served.
    if (std::string meant = options_.aliases.resolve(name, {}); meant != name) return meant;
    std::vector<ModelSummary> named;
    for (const Entry& entry : entries()) {
      if (entry.model->stored() == nullptr) named.push_back(entry.model->summary());
    }
    return options_.aliases.resolve(name, named.empty() ? models_to_choose_from(list_models()) : named);
  }

  Result<ModelDetails> describe(const std::string& name) override {
    HEARTH_TRY(const Entry entry, get(name));
    HEARTH_TRY(const auto opened, entry.model->opened());
    HEARTH_TRY(ModelDetails details, opened->describe());
    details.summary = summary_of(entry);
    return details;
  }

  Result<std::shared_ptr<const TextModel>> text_model(const std::string& name) override {
    HEARTH_TRY(const Entry entry, get(name));
    HEARTH_TRY(auto opened, entry.model->opened());
    const TextModel& text = opened->text();
    return std::shared_ptr<const TextModel>(std::move(opened), &text);
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
    std::shared_ptr<ServedModel> model;
    ModelKeeper::Id id = 0;
  };
  using Work = std::function<Status(ResidentModel&, TokenWriter)>;

  Result<Entry> open_entry(const std::filesystem::path& path, std::string name) {
    if (name.empty()) name = name_of_file(path);
    OpenedModel::Options options;
    options.name = std::move(name);
    options.context_length = options_.context_length;
    options.prompt_rules = options_.prompt_rules;
    auto opened = OpenedModel::open({&path, 1}, std::move(options));
    if (!opened) return propagate(with_file(std::move(opened).error(), path));
    return add(std::make_shared<ServedModel>(std::move(*opened)));
  }

  Result<Entry> add(const std::shared_ptr<ServedModel>& model) {
    std::lock_guard lock(mutex_);
    if (find_locked(model->name()) != nullptr) {
      return fail(ErrorCategory::kInvalidArgument, "a model named \"{}\" is served already", model->name());
    }
    return add_locked(model);
  }

  Entry add_locked(const std::shared_ptr<ServedModel>& model) {
    auto loader = [this, model](const std::atomic<bool>& stop) -> ModelKeeper::Loaded {
      const auto opened = model->opened();
      if (!opened) return tl::unexpected<LoadFailure>(opened.error());
      auto loaded = LoadedModel::load(*opened, options_, threads_, budget_, stop);
      if (!loaded && loaded.error().missing_bytes > 0) loaded.error().error.message += smaller_than(**opened);
      return loaded;
    };
    return entries_.emplace_back(Entry{model, keeper_.add(options_.keep_alive, std::move(loader))});
  }

  // The largest model of the same kind that would fit instead, as the end of a sentence.
  std::string smaller_than(const OpenedModel& large) const {
    const auto writes = [](const ModelSummary& model) { return model.capabilities.completion; };
    std::optional<ModelSummary> best;
    for (const ModelSummary& model : list_models()) {
      const bool fits = model.size_bytes < std::min(large.summary().size_bytes, budget_.capacity() / 10 * 9);
      if (!fits || model.built_in || writes(model) != writes(large.summary())) continue;
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
      const std::string& served = entry.model->name();
      if (served == name) return &entry;
      if (found == nullptr && same_model_name(served, name)) found = &entry;
    }
    return found;
  }

  std::optional<Entry> find_entry(std::string_view name) const {
    std::lock_guard lock(mutex_);
    const Entry* entry = find_locked(name);
    return entry == nullptr ? std::nullopt : std::optional<Entry>(*entry);
  }

  Result<Entry> get(const std::string& name) {
    {
      std::lock_guard lock(mutex_);
      if (shutting_down_) return fail(ErrorCategory::kOverloaded, "the server is shutting down");
    }
    const std::optional<Entry> known = find_entry(name);
    if (known && (known->model->stored() == nullptr || stored_->is_current(*known->model->stored()))) {
      return *known;
    }
    const auto stored = stored_ ? stored_->find(name)
                                : Result<store::StoredModel>(fail(ErrorCategory::kNotFound, "no store"));
    if (!stored) {
      const ErrorCategory category = stored.error().category;
      const bool absent = category == ErrorCategory::kNotFound || category == ErrorCategory::kInvalidArgument;
      if (known && absent && keeper_.present(known->id)) return *known;
      if (known) retire(*known);
      if (absent) return fail(ErrorCategory::kNotFound, "model '{}' not found", name);
      return propagate(Error(stored.error()));
    }
    HEARTH_TRY(ModelSummary summary, stored_->summarise(*stored));
    if (known) retire(*known);
    auto opener = [models = stored_.get(), stored = *stored] { return models->open(stored); };
    const auto model = std::make_shared<ServedModel>(std::move(summary), *stored, std::move(opener));
    std::lock_guard lock(mutex_);
    // Another request may have been here first.
    if (const Entry* other = find_locked(model->name())) return *other;
    return add_locked(model);
  }

  // Requests under way go on.
  void retire(const Entry& entry) {
    remove(entry);
    keeper_.dismiss(entry.id);
    entry.model->retire();
  }

  ModelSummary summary_of(const Entry& entry) const {
    ModelSummary summary = entry.model->summary();
    summary.loaded = keeper_.present(entry.id);
    return summary;
  }

  template <typename Request>
  Result<TokenStream> start(Request request, Status (ResidentModel::*method)(Request, TokenWriter)) {
    HEARTH_TRY(const Entry entry, get(request.model));
    const std::optional<KeepAlive> keep_alive = request.keep_alive;
    const std::string owner = request.cache_scope;
    const auto shared = std::make_shared<Request>(std::move(request));
    return start(entry, keep_alive, owner, [shared, method](ResidentModel& model, TokenWriter writer) {
      return (model.*method)(std::move(*shared), std::move(writer));
    });
  }

  Result<TokenStream> preload(const Entry& entry, std::optional<KeepAlive> keep_alive) {
    return start(entry, keep_alive, {}, [](ResidentModel&, TokenWriter writer) -> Status {
      writer.push(GenerationEnd{});
      return {};
    });
  }

  // Runs `work` now, or as soon as the model is there. `work` is called once at most.
  Result<TokenStream> start(const Entry& entry, std::optional<KeepAlive> keep_alive, const std::string& owner,
                            Work work) {
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
    auto waiter = [run, to = writer](Result<ModelUse> later) mutable {
      const Status started = later ? run(std::move(*later), to) : propagate(std::move(later).error());
      if (!started) to.push(started.error());
    };
    HEARTH_TRY(std::optional<ModelUse> use,
               keeper_.acquire(entry.id, keep_alive, owner, ticket, std::move(waiter)));
    if (use) HEARTH_CHECK_OK(run(std::move(*use), writer));
    return std::move(stream);
  }

  const ModelPoolOptions options_;
  ThreadPool threads_;
  MemoryBudget budget_;
  const uint64_t process_bytes_;          // before any model
  std::unique_ptr<StoredModels> stored_;  // none without a store
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
