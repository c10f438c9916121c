// Measurements as text and as JSON.
#pragma once

#include <span>
#include <string>

#include "api/json.h"
#include "app/bench/model_bench.h"

namespace hearth::app {

struct BenchMachine {
  std::string kernels;
  int n_threads = 0;
  std::vector<ReadBandwidth> bandwidth;
  double macs_per_second = 0;  // 0 = not known

  const ReadBandwidth& best_bandwidth() const;
};

std::string machine_text(const BenchMachine& machine);
std::string results_text(std::span<const BenchResult> results);
// Operations of one result, longest first.
std::string profile_text(const BenchResult& result);

// {"machine": {…}, "results": [{"test": "pp512", "depth": 0, "batch": 1, "tokens_per_second": …,
//  "share_of_limit": …, …}]}; docs/performance.md has the fields.
api::Json bench_json(const BenchMachine& machine, std::span<const BenchResult> results);

}  // namespace hearth::app
