// A fixed crew of threads for data-parallel regions. The caller is one of them and works too.
//
// A region is a number of pieces of work, claimed one at a time by whichever thread is free. It ends when all
// pieces are done, not when all threads have looked: a thread that the system has not let run yet holds
// nothing up, the others take its share. So on a machine that is busy with something else only a piece that
// was begun by a thread which then lost its processor is waited for.
//
// One region runs at a time; callers from several threads take turns (base/pool_turns.h). Threads with
// nothing to do spin for a short while, then sleep, so that an idle server uses no processor time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/function_ref.h"

namespace hearth {

class ThreadPool {
 public:
  static constexpr int kMaxThreads = 1024;

  // n_threads counts the caller; 1 … kMaxThreads.
  explicit ThreadPool(int n_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int n_threads() const;

  // Calls body(slot) once for each slot = 0 … n-1, n = min(n_threads(), max_threads), and returns when all
  // are done. Slots run at the same time as far as threads are free, and one after the other where not: a
  // slot owns what it works on (say, its scratch memory) but must not wait for another. The body must not
  // throw and must not start a region of its own.
  void run(FunctionRef<void(int slot)> body, int max_threads = kMaxThreads);

  // Splits [0, n) into chunks of `grain` claimed one at a time by whoever is free, at most max_threads at
  // once: body(begin, end). Results must not depend on which thread takes which chunk.
  void parallel_for(size_t n, size_t grain, FunctionRef<void(size_t begin, size_t end)> body,
                    int max_threads = kMaxThreads);

  // What waiting cost so far, over all callers. Any thread may ask at any time.
  struct Waits {
    uint64_t regions = 0;      // that were shared with another thread
    uint64_t nanoseconds = 0;  // that callers waited at the ends of regions
    uint64_t sleeps = 0;       // how often a thread, caller or not, found nothing to do and went to sleep
  };
  Waits waits() const;

  // The number of processors this process may use: affinity mask and control group quota respected.
  static int usable_processors();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hearth
