#include "base/platform/memory.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace hearth::platform {
namespace {

// A number in a file of the control group; 0 when there is none ("max").
uint64_t read_limit(const char* path) {
  std::ifstream file(path);
  uint64_t value = 0;
  return file >> value ? value : 0;
}

}  // namespace

MemoryState memory_state() {
  MemoryState state;
#if defined(__linux__)
  std::ifstream file("/proc/meminfo");
  std::string key, unit;
  for (uint64_t kib = 0; file >> key >> kib; std::getline(file, unit)) {
    if (key == "MemTotal:") state.total_bytes = kib * 1024;
    if (key == "MemAvailable:") state.available_bytes = kib * 1024;
  }
  const uint64_t limit = read_limit("/sys/fs/cgroup/memory.max");
  if (limit > 0 && limit < state.total_bytes) {
    const uint64_t used = read_limit("/sys/fs/cgroup/memory.current");
    state.total_bytes = limit;
    state.available_bytes = std::min(state.available_bytes, limit - std::min(limit, used));
  }
#else
  state.total_bytes =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  state.available_bytes = state.total_bytes;
#endif
  return state;
}

}  // namespace hearth::platform
