// Where one thread waits for a condition that other threads make true: a short spin, then sleep.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/platform/processors.h"

namespace hearth::platform {

// Two threads that write to different objects of this alignment do not slow each other down: a line, and the
// neighbour that prefetchers bring along.
inline constexpr size_t kLineBytes = 128;

// The waiter calls wait(ready, spin). Whoever makes ready() true does so by a sequentially consistent write,
// then calls wake(). Either the waiter's last look sees that write or wake() sees that it sleeps.
class alignas(kLineBytes) Parker {
 public:
  // Returns at the latest when ready() was true, or earlier when woken in vain: callers loop. True if the
  // thread went to sleep.
  template <typename Ready>
  bool wait(Ready ready, std::chrono::nanoseconds spin) {
    // Counted in time, not in pauses: those take 10 cycles on one processor and 140 on another.
    constexpr int kPausesPerLook = 16;
    const auto deadline = std::chrono::steady_clock::now() + spin;
    do {
      for (int i = 0; i < kPausesPerLook; ++i) {
        if (ready()) return false;
        spin_pause();
      }
    } while (std::chrono::steady_clock::now() < deadline);
    asleep_.store(1);
    if (ready()) {
      asleep_.store(0, std::memory_order_relaxed);
      return false;
    }
    asleep_.wait(1);
    return true;
  }

  // True if the thread was asleep.
  bool wake() {
    if (asleep_.load() == 0 || asleep_.exchange(0) == 0) return false;
    asleep_.notify_one();
    return true;
  }

 private:
  std::atomic<uint32_t> asleep_{0};  // as wide as a futex
};

}  // namespace hearth::platform
