// What differs between operating systems and processors around threads.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace hearth::platform {

// Affinity mask and control group quota respected; at least 1.
int usable_processors();

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
