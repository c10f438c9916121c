// A model that can be asked for, by a name. What needs no weights is read from its file when it is first
// wanted, and stays. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "serving/opened_model.h"
#include "store/model_store.h"

namespace hearth::serving {

class ServedModel {
 public:
  using Opener = std::function<Result<std::shared_ptr<const OpenedModel>>()>;

  // Of a file that somebody named: it is open already.
  explicit ServedModel(std::shared_ptr<const OpenedModel> opened)
      : summary_(opened->summary()), opened_(std::move(opened)) {}
  // Of a store.
  ServedModel(ModelSummary summary, store::StoredModel stored, Opener opener)
      : summary_(std::move(summary)), stored_(std::move(stored)), opener_(std::move(opener)) {}

  const std::string& name() const { return summary_.name; }
  const ModelSummary& summary() const { return summary_; }  // with loaded = false
  // nullptr for a file that somebody named.
  const store::StoredModel* stored() const { return stored_ ? &*stored_ : nullptr; }

  // May read the file, which takes some tenths of a second for large vocabularies. Errors are not kept.
  Result<std::shared_ptr<const OpenedModel>> opened() {
    std::lock_guard lock(mutex_);
    if (opened_ != nullptr) return opened_;
    HEARTH_TRY(std::shared_ptr<const OpenedModel> opened, opener_());
    if (!retired_) opened_ = opened;
    return opened;
  }

  // Nobody will ask for it by its name any more: keeps nothing from here on.
  void retire() {
    std::lock_guard lock(mutex_);
    retired_ = true;
    opened_.reset();
  }

 private:
  const ModelSummary summary_;
  const std::optional<store::StoredModel> stored_;
  std::mutex mutex_;
  const Opener opener_;
  std::shared_ptr<const OpenedModel> opened_;
  bool retired_ = false;
};

}  // namespace hearth::serving
