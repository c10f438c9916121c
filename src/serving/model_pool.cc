#include "serving/model_pool.h"

#include <algorithm>
#include <mutex>

#include "kernels/kernels.h"
#include "serving/loaded_model.h"

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

class LocalModelPool : public ModelPool {
 public:
  explicit LocalModelPool(ModelPoolOptions options)
      : options_(std::move(options)),
        threads_(options_.n_threads > 0 ? options_.n_threads : ThreadPool::usable_processors()) {}

  ~LocalModelPool() override { shut_down(0); }

  Result<ModelSummary> load(const std::filesystem::path& path, std::string name) override {
    if (name.empty()) name = name_of_file(path);
    {
      std::lock_guard lock(mutex_);
      if (find(name) != nullptr) {
        return fail(ErrorCategory::kInvalidArgument, "a model named \"{}\" is served already", name);
      }
    }
    auto loaded = LoadedModel::load(path, std::move(name), options_, threads_);
    if (!loaded) {
      // Errors of the file itself name it already.
      Error error = std::move(loaded).error();
      const bool named = error.message.find(path.filename().string()) != std::string::npos;
      return propagate(named ? std::move(error) : std::move(error).with_context(path.string()));
    }
    std::lock_guard lock(mutex_);
    models_.push_back(*loaded);
    return (*loaded)->summary();
  }

  std::vector<ModelSummary> list_models() const override {
    std::lock_guard lock(mutex_);
    std::vector<ModelSummary> summaries;
    for (const auto& model : models_) summaries.push_back(model->summary());
    return summaries;
  }

  std::vector<LoadedModelState> loaded_models() const override {
    std::lock_guard lock(mutex_);
    std::vector<LoadedModelState> states;
    for (const auto& model : models_) states.push_back(model->state());
    return states;
  }

  Result<ModelDetails> describe(const std::string& name) override {
    HEARTH_TRY(const auto model, get(name));
    return model->describe();
  }

  Result<std::shared_ptr<const TextModel>> text_model(const std::string& name) override {
    HEARTH_TRY(const auto model, get(name));
    return std::shared_ptr<const TextModel>(model, &model->text());
  }

  Status preload(const std::string& name, std::optional<KeepAlive>) override {
    HEARTH_TRY([[maybe_unused]] const auto model, get(name));
    return {};
  }

  Status unload(const std::string& name) override {
    HEARTH_TRY([[maybe_unused]] const auto model, get(name));
    return fail(ErrorCategory::kUnsupported, "models named at start stay loaded");
  }

  Result<TokenStream> generate(GenerationRequest request) override {
    HEARTH_TRY(const auto model, get(request.model));
    return model->generate(std::move(request));
  }

  Result<TokenStream> embed(EmbeddingRequest request) override {
    HEARTH_TRY(const auto model, get(request.model));
    return model->embed(std::move(request));
  }

  Result<TokenStream> rank(RankRequest request) override {
    HEARTH_TRY(const auto model, get(request.model));
    return model->rank(std::move(request));
  }

  bool healthy(std::string* why) const override {
    std::lock_guard lock(mutex_);
    if (shutting_down_) {
      if (why != nullptr) *why = "the server is shutting down";
      return false;
    }
    for (const auto& model : models_) {
      if (const auto failure = model->failure()) {
        if (why != nullptr) *why = fmt::format("model '{}': {}", model->summary().name, failure->message);
        return false;
      }
    }
    return true;
  }

  void shut_down(int grace_ms) override {
    std::vector<std::shared_ptr<LoadedModel>> models;
    {
      std::lock_guard lock(mutex_);
      shutting_down_ = true;
      models = models_;
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(grace_ms);
    for (const auto& model : models) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      model->shut_down(std::max(left, std::chrono::milliseconds(0)));
    }
  }

 private:
  std::shared_ptr<LoadedModel> find(const std::string& name) const {
    const auto it = std::find_if(models_.begin(), models_.end(),
                                 [&](const auto& model) { return model->summary().name == name; });
    return it == models_.end() ? nullptr : *it;
  }

  Result<std::shared_ptr<LoadedModel>> get(const std::string& name) const {
    std::lock_guard lock(mutex_);
    if (shutting_down_) return fail(ErrorCategory::kOverloaded, "the server is shutting down");
    auto model = find(name);
    if (!model) return fail(ErrorCategory::kNotFound, "model '{}' not found", name);
    return model;
  }

  const ModelPoolOptions options_;
  ThreadPool threads_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<LoadedModel>> models_;
  bool shutting_down_ = false;
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
