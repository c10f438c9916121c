// A model opened for measuring: file, weights, threads and kernels, without server or scheduler.
#pragma once

#include <memory>
#include <string>

#include "app/settings.h"
#include "base/thread_pool.h"
#include "engine/evaluator.h"
#include "gguf/model_file.h"
#include "kernels/kernels.h"
#include "model/model.h"

namespace hearth::app {

class EvaluationModel {
 public:
  // `name` as app/model_argument.h reads it. Threads and kernels as set. Errors name the file.
  static Result<std::unique_ptr<EvaluationModel>> open(const std::string& name, const Settings& settings);

  // One evaluator at a time: the next call ends the one before.
  Result<engine::Evaluator*> evaluator(const engine::EvaluatorOptions& options);

  const gguf::ModelFile& file() const { return file_; }
  const model::Model& model() const { return *model_; }
  tensor::Backend& backend() { return *backend_; }
  ThreadPool& threads() { return *threads_; }
  const kernels::KernelTable& kernels() const { return *kernels_; }

 private:
  explicit EvaluationModel(gguf::ModelFile file) : file_(std::move(file)) {}

  gguf::ModelFile file_;
  std::unique_ptr<model::Model> model_;
  const kernels::KernelTable* kernels_ = nullptr;
  std::unique_ptr<ThreadPool> threads_;
  std::unique_ptr<tensor::Backend> backend_;
  std::unique_ptr<engine::Evaluator> evaluator_;
};

}  // namespace hearth::app
