#include "app/evaluation_model.h"

#include "app/model_argument.h"
#include "base/human_bytes.h"
#include "base/platform/processors.h"
#include "serving/memory_budget.h"
#include "tensor/cpu/cpu_backend.h"

namespace hearth::app {

Result<std::unique_ptr<EvaluationModel>> EvaluationModel::open(const std::string& name,
                                                               const Settings& settings) {
  HEARTH_TRY(const ModelArgument argument, find_model(name, settings));
  HEARTH_TRY(gguf::ModelFile file, open_model_file(argument));
  if (const serving::MemoryBudget budget(settings.memory_bytes()); file.size_bytes() > budget.capacity()) {
    return fail(ErrorCategory::kOverloaded, "{} does not fit: its weights take {}, models may have {}", name,
                human_bytes(file.size_bytes()), human_bytes(budget.capacity()));
  }
  std::unique_ptr<EvaluationModel> opened(new EvaluationModel(std::move(file)));
  auto model = model::Model::load(opened->file_);
  if (!model) return propagate(std::move(model).error(), name);
  opened->model_ = std::move(*model);
  opened->kernels_ = settings.kernels.empty() ? kernels::available_kernels().front()
                                              : kernels::find_kernels(settings.kernels);
  if (opened->kernels_ == nullptr) {
    return fail(ErrorCategory::kInvalidArgument, "kernels \"{}\" are not available on this processor",
                settings.kernels);
  }
  platform::prepare_compute_thread();  // the calling thread computes too
  opened->threads_ =
      std::make_unique<ThreadPool>(settings.threads > 0 ? settings.threads : ThreadPool::usable_processors());
  opened->backend_ = tensor::create_cpu_backend(*opened->kernels_, *opened->threads_);
  return opened;
}

Result<engine::Evaluator*> EvaluationModel::evaluator(const engine::EvaluatorOptions& options) {
  evaluator_.reset();
  HEARTH_TRY(evaluator_, engine::Evaluator::create(*model_, *backend_, options));
  return evaluator_.get();
}

}  // namespace hearth::app
