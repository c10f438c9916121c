#include "app/model_making.h"

#include <atomic>
#include <optional>

#include "app/progress_bar.h"
#include "app/weight_conversion.h"

namespace hearth::app {

Result<store::StoredModel> make_model(store::ModelStore& models, const store::ModelName& name,
                                      const serving::WeightSource& source, const store::Modelfile& words,
                                      ShutdownSignals& signals, Environment& environment) {
  std::atomic<bool> stopped{false};
  signals.watch([&stopped] { stopped = true; }, [&stopped] { stopped = true; });
  std::optional<ProgressBar> bar;
  std::string shown;
  const auto on_step = [&](const serving::CreationStep& step) {
    if (step.status != shown) bar.reset();
    shown = step.status;
    if (step.total != 0 && !bar) bar.emplace(step.status, environment.err, environment.err_is_terminal);
    if (step.total != 0) bar->update(step.completed, step.total);
    return !stopped;
  };
  const auto say = [&](const std::string& notice) { environment.say(notice); };
  auto made = serving::create_model(models, name, source, words, weight_converter(say), on_step);
  bar.reset();
  signals.stop();
  return made;
}

}  // namespace hearth::app
