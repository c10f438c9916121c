// What one thread of this machine can do at most: the yardstick of the kernel benchmarks.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

#include "app/bench/machine_limits.h"

namespace hearth::bench {

struct OneThreadLimits {
  ThreadPool threads{1};
  double bandwidth = 0;                // bytes per second, the best of several ways to read; 0 = not measured
  std::map<std::string, double> peak;  // int8 multiply-accumulates per second by kernel table

  OneThreadLimits() {
    const auto rates = app::survey_read_bandwidth(threads);
    if (!rates) return;
    for (const app::ReadBandwidth& rate : *rates) bandwidth = std::max(bandwidth, rate.bytes_per_second);
  }
};

inline OneThreadLimits& limits() {
  static OneThreadLimits measured;
  return measured;
}

}  // namespace hearth::bench
