#include "app/fit/fit_report.h"

#include "app/fit/machine_fit.h"

namespace hearth::app {
namespace {

api::page::FitReport::Model model_of(const ModelFit& fit) {
  api::page::FitReport::Model model;
  model.name = fit.name;
  model.pull = fit.pull;
  model.size_bytes = fit.file_bytes;
  if (const ContextFit* usual = fit.at(4096)) model.memory_bytes = usual->memory.total_bytes();
  model.prefill_tokens_per_second = fit.prefill_tokens_per_second;
  if (fit.decode_tokens_per_second > 0) model.decode_tokens_per_second = fit.decode_tokens_per_second;
  model.verdict = verdict_name(fit.verdict);
  return model;
}

}  // namespace

Result<api::page::FitReport> fit_report(const Settings& settings) {
  std::vector<FitCandidate> known;
  for (const catalogue::KnownModel& model : catalogue::known_models())
    known.push_back(known_candidate(model, model.quants.front(), settings.kv_type));
  HEARTH_TRY(const MachineFit machine, fit_machine(known, settings));
  api::page::FitReport report;
  report.memory_bytes = machine.memory_bytes;
  report.read_bytes_per_second = machine.read_bytes_per_second;
  report.macs_per_second = machine.macs_per_second;
  const std::vector<ModelFit>& fits = machine.fits;
  for (const ModelFit& fit : fits) report.models.push_back(model_of(fit));
  for (const Purpose& purpose : kPurposes) {
    const ModelFit* best = best_for(purpose, fits);
    report.best.emplace_back(purpose.name, best != nullptr ? best->name : "");
    if (best == nullptr) continue;
    report.models[static_cast<size_t>(best - fits.data())].good_for.emplace_back(purpose.name);
  }
  return report;
}

}  // namespace hearth::app
