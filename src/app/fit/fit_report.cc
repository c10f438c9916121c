#include "app/fit/fit_report.h"

#include "app/fit/model_fit.h"
#include "base/platform/processors.h"
#include "serving/memory_budget.h"
#include "tensor/cpu/cpu_backend.h"

namespace hearth::app {
namespace {

api::page::FitReport::Model model_of(const ModelFit& fit, const FitCandidate& candidate) {
  api::page::FitReport::Model model;
  model.name = fit.name;
  model.pull = candidate.pull;
  model.size_bytes = candidate.file_bytes;
  if (const ContextFit* usual = fit.at(4096)) model.memory_bytes = usual->memory.total_bytes();
  model.prefill_tokens_per_second = fit.prefill_tokens_per_second;
  if (fit.decode_tokens_per_second > 0) model.decode_tokens_per_second = fit.decode_tokens_per_second;
  model.verdict = verdict_name(fit.verdict);
  return model;
}

}  // namespace

Result<api::page::FitReport> fit_report(const Settings& settings) {
  const kernels::KernelTable* kernels = settings.kernels.empty() ? kernels::available_kernels().front()
                                                                 : kernels::find_kernels(settings.kernels);
  if (kernels == nullptr) {
    return fail(ErrorCategory::kInvalidArgument, "kernels \"{}\" are not available on this processor",
                settings.kernels);
  }
  platform::prepare_compute_thread();  // the calling thread computes too
  ThreadPool threads(settings.threads > 0 ? settings.threads : ThreadPool::usable_processors());
  const serving::MemoryBudget budget(static_cast<uint64_t>(settings.memory_gib * (1 << 30)));
  const FitOptions options{
      .memory_bytes = budget.capacity(), .kv_dtype = settings.kv_type, .speculate = settings.speculation};
  HEARTH_TRY(MachineSpeed speed, MachineSpeed::measure(threads, *kernels));
  serving::ModelPlanner planner(tensor::create_cpu_backend(*kernels, threads));
  api::page::FitReport report;
  report.memory_bytes = options.memory_bytes;
  report.read_bytes_per_second = speed.read_bytes_per_second();
  report.macs_per_second = speed.macs_per_second();
  std::vector<ModelFit> fits;
  for (const catalogue::KnownModel& known : catalogue::known_models()) {
    const FitCandidate candidate = known_candidate(known, known.quants.front(), settings.kv_type);
    auto fit = judge(candidate, planner, options);
    if (!fit) return propagate(std::move(fit).error(), candidate.name);
    HEARTH_CHECK_OK(predict_speed(candidate, speed, *fit));
    report.models.push_back(model_of(*fit, candidate));
    fits.push_back(std::move(*fit));
  }
  for (const Purpose& purpose : kPurposes) {
    const ModelFit* best = best_for(purpose, fits);
    report.best.emplace_back(purpose.name, best != nullptr ? best->name : "");
    if (best == nullptr) continue;
    report.models[static_cast<size_t>(best - fits.data())].good_for.emplace_back(purpose.name);
  }
  return report;
}

}  // namespace hearth::app
