#include "serving/stored_models.h"

#include <chrono>

namespace hearth::serving {
namespace {

namespace fs = std::filesystem;

// Sizes and times of a model's files, with what its store says of it.
std::string stamp_of(const store::StoredModel& model) {
  std::string stamp = model.digest;
  for (const fs::path& file : model.files) {
    std::error_code error;
    const auto size = fs::file_size(file, error);
    const auto time = fs::last_write_time(file, error).time_since_epoch().count();
    stamp += fmt::format("\n{} {} {}", file.string(), error ? 0 : size, error ? 0 : time);
  }
  return stamp;
}

int64_t unix_seconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

}  // namespace

StoredModels::StoredModels(std::shared_ptr<const store::ModelStore> store, OpenedModel::Options options)
    : store_(std::move(store)), options_(std::move(options)) {}

std::vector<ModelSummary> StoredModels::list() const {
  std::vector<ModelSummary> summaries;
  for (const store::StoredModel& model : store_->list()) {
    if (!model.problem.empty()) continue;
    if (auto summary = summarise(model)) summaries.push_back(std::move(*summary));
  }
  return summaries;
}

bool StoredModels::is_current(const store::StoredModel& model) const {
  if (model.kind == store::StoredModel::Kind::kFound && !model.manifest) {
    // The name of a file: it is enough to look at that.
    uint64_t bytes = 0;
    for (const fs::path& file : model.files) {
      std::error_code error;
      const auto size = fs::file_size(file, error);
      if (error) return false;
      bytes += size;
    }
    return bytes == model.bytes;
  }
  const auto now = store_->find(model.name);
  return now && now->digest == model.digest && now->files == model.files && now->modified == model.modified;
}

Result<OpenedModel::Options> StoredModels::options_of(const store::StoredModel& model) const {
  HEARTH_TRY(const store::ModelOverrides overrides, store_->overrides(model));
  OpenedModel::Options options = options_;
  options.name = model.name;
  options.strict_context = false;
  options.defaults = read_model_defaults(overrides);
  options.digest = model.digest;
  return options;
}

Result<ModelSummary> StoredModels::summarise(const store::StoredModel& model) const {
  const std::string stamp = stamp_of(model);
  {
    std::lock_guard lock(mutex_);
    const auto at = known_.find(model.name);
    if (at != known_.end() && at->second.stamp == stamp) return at->second.summary;
  }
  const auto read = [&]() -> Result<ModelSummary> {
    HEARTH_TRY(const OpenedModel::Options options, options_of(model));
    HEARTH_TRY(ModelSummary summary, OpenedModel::summarise(model.files, options));
    summary.size_bytes = model.bytes;
    summary.modified_unix_seconds = unix_seconds(model.modified);
    summary.built_in = model.kind == store::StoredModel::Kind::kBuiltIn;
    return summary;
  };
  Result<ModelSummary> summary = read();
  std::lock_guard lock(mutex_);
  known_.insert_or_assign(model.name, Known{stamp, summary});
  return summary;
}

Result<std::shared_ptr<const OpenedModel>> StoredModels::open(const store::StoredModel& model) const {
  auto options = options_of(model);
  if (!options) return propagate(std::move(options).error(), model.name);
  auto opened = OpenedModel::open(model.files, std::move(*options));
  if (!opened) return propagate(std::move(opened).error(), model.name);
  return opened;
}

}  // namespace hearth::serving
