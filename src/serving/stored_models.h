// The models of a store as this process may serve them. Summaries are read from a model's file once and kept
// until it changes; files are compared by size and time. Thread-safe; all calls look at the disk.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "serving/opened_model.h"
#include "store/model_store.h"

namespace hearth::serving {

class StoredModels {
 public:
  // `options` is what holds for all of them: the context and the rules for prompts.
  StoredModels(std::shared_ptr<const store::ModelStore> store, OpenedModel::Options options);

  // Those that can be used.
  std::vector<ModelSummary> list() const;

  // Errors: those of ModelStore::find().
  Result<store::StoredModel> find(const std::string& name) const { return store_->find(name); }
  // Whether the store still has it as it was.
  bool is_current(const store::StoredModel& model) const;

  Result<ModelSummary> summarise(const store::StoredModel& model) const;
  Result<std::shared_ptr<const OpenedModel>> open(const store::StoredModel& model) const;

 private:
  struct Known {
    std::string stamp;  // of all that a summary depends on
    Result<ModelSummary> summary;
  };
  Result<OpenedModel::Options> options_of(const store::StoredModel& model) const;

  const std::shared_ptr<const store::ModelStore> store_;
  const OpenedModel::Options options_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, Known, std::less<>> known_;  // by name
};

}  // namespace hearth::serving
