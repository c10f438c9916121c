#include "base/platform/processors.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <string>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace hearth::platform {

namespace {

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

double quota_of_group(const std::string& folder) {
  double quota = 0, period = 0;
  // Version 2: "max 100000" or "QUOTA PERIOD", in microseconds.
  if (std::ifstream file(folder + "/cpu.max"); file >> quota >> period && quota > 0 && period > 0)
    return quota / period;
  // Version 1: -1 without a limit.
  std::ifstream quota_file(folder + "/cpu.cfs_quota_us"), period_file(folder + "/cpu.cfs_period_us");
  if (quota_file >> quota && period_file >> period && quota > 0 && period > 0) return quota / period;
  return kNoLimit;
}

// The least quota from `group` up to the root of the hierarchy. In a container the root may be the group
// itself and `group` a path of the host that is not there.
double quota_of_path(const std::string& root, std::string group) {
  double limit = kNoLimit;
  while (true) {
    limit = std::min(limit, quota_of_group(root + group));
    const size_t slash = group.rfind('/');
    if (slash == std::string::npos) return limit;
    group.resize(slash);
  }
}

}  // namespace

double control_group_processors(const std::string& mount, const std::string& membership) {
  double limit = kNoLimit;
  std::ifstream file(membership);
  // "0::/path" of version 2, "4:cpu,cpuacct:/path" of version 1.
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1),
                      group = line.substr(second + 1);
    if (controllers.empty()) {
      limit = std::min(limit, quota_of_path(mount, group));
    } else if ((',' + controllers + ',').find(",cpu,") != std::string::npos) {
      limit = std::min(
          {limit, quota_of_path(mount + "/cpu", group), quota_of_path(mount + '/' + controllers, group)});
    }
  }
  return limit;
}

int usable_processors() {
  int n = static_cast<int>(std::thread::hardware_concurrency());
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) n = CPU_COUNT(&set);
  const double limit = control_group_processors("/sys/fs/cgroup", "/proc/self/cgroup");
  if (limit < n) n = static_cast<int>(std::lround(limit));
#endif
  return std::max(n, 1);
}

void prepare_compute_thread() {
#if defined(__x86_64__)
  _MM_SET_FLUSH_ZERO_MODE(_MM_FLUSH_ZERO_ON);
  _mm_setcsr(_mm_getcsr() | 0x0040);  // DAZ
#elif defined(__aarch64__)
  uint64_t fpcr;
  asm volatile("mrs %0, fpcr" : "=r"(fpcr));
  asm volatile("msr fpcr, %0" ::"r"(fpcr | (uint64_t{1} << 24)));  // FZ
#endif
}

}  // namespace hearth::platform
