#include "app/fit/machine_fit.h"

#include "base/platform/processors.h"
#include "serving/memory_budget.h"
#include "tensor/cpu/cpu_backend.h"

namespace hearth::app {

Result<MachineFit> fit_machine(const std::vector<FitCandidate>& candidates, const Settings& settings) {
  const kernels::KernelTable* kernels = settings.kernels.empty() ? kernels::available_kernels().front()
                                                                 : kernels::find_kernels(settings.kernels);
  if (kernels == nullptr) {
    return fail(ErrorCategory::kInvalidArgument, "kernels \"{}\" are not available on this processor",
                settings.kernels);
  }
  platform::prepare_compute_thread();  // the calling thread computes too
  ThreadPool threads(settings.threads > 0 ? settings.threads : ThreadPool::usable_processors());
  const serving::MemoryBudget budget(settings.memory_bytes());
  const FitOptions options{
      .memory_bytes = budget.capacity(), .kv_dtype = settings.kv_type, .speculate = settings.speculation};
  HEARTH_TRY(MachineSpeed speed, MachineSpeed::measure(threads, *kernels));
  serving::ModelPlanner planner(tensor::create_cpu_backend(*kernels, threads));
  MachineFit machine{.memory_bytes = options.memory_bytes,
                     .n_threads = threads.n_threads(),
                     .kernels = kernels->name,
                     .read_bytes_per_second = speed.read_bytes_per_second(),
                     .macs_per_second = speed.macs_per_second()};
  for (const FitCandidate& candidate : candidates) {
    auto fit = judge(candidate, planner, options);
    if (!fit) return propagate(std::move(fit).error(), candidate.name);
    HEARTH_CHECK_OK(predict_speed(candidate, speed, *fit));
    machine.fits.push_back(std::move(*fit));
  }
  return machine;
}

}  // namespace hearth::app
