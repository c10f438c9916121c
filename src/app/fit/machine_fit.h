// Models beside this machine, measured: what `hearth fit` prints and the page shows.
#pragma once

#include <string_view>
#include <vector>

#include "app/fit/model_fit.h"
#include "app/settings.h"

namespace hearth::app {

struct MachineFit {
  uint64_t memory_bytes = 0;  // that models may have
  int n_threads = 0;
  std::string_view kernels;
  double read_bytes_per_second = 0;
  double macs_per_second = 0;       // 0 = not known
  std::vector<ModelFit> fits = {};  // in the order of the candidates
};

// Takes all processors of the machine for some seconds. kInvalidArgument for kernels it does not have.
Result<MachineFit> fit_machine(const std::vector<FitCandidate>& candidates, const Settings& settings);

}  // namespace hearth::app
