// What differs between operating systems and processors around threads.
#pragma once

#include <string>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace hearth::platform {

// Affinity mask and control group quota respected; at least 1. A quota that is no whole number is rounded to
// the nearest.
int usable_processors();

// The processor time that control groups allow this process, in processors; infinity without a limit. A group
// is bound by the quotas of those above it too. `mount` is where the hierarchies are ("/sys/fs/cgroup"),
// `membership` says which groups the process is in ("/proc/self/cgroup"). Versions 1 and 2 (cgroups(7)).
double control_group_processors(const std::string& mount, const std::string& membership);

// Denormals count as zero on this thread: activations near zero must not cost a hundred cycles each.
void prepare_compute_thread();

inline void spin_pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
}

}  // namespace hearth::platform
