// A fixed crew of threads for data-parallel regions. The caller is thread 0 and works too.
//
// One region runs at a time; a second caller waits for the first to end. Between regions the workers spin
// for a short while, then sleep, so that an idle server uses no processor time.
#pragma once

#include <cstddef>
#include <memory>

#include "base/function_ref.h"

namespace hearth {

class ThreadPool {
 public:
  // n_threads >= 1 counts the caller.
  explicit ThreadPool(int n_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int n_threads() const;

  // Calls body(thread) once on each thread, thread = 0 … n_threads-1, and returns when all have. The body
  // must not throw and must not start a region of its own.
  void run(FunctionRef<void(int thread)> body);

  // Splits [0, n) into chunks of `grain` claimed one at a time by whoever is free: body(begin, end).
  // Results must not depend on which thread takes which chunk.
  void parallel_for(size_t n, size_t grain, FunctionRef<void(size_t begin, size_t end)> body);

  // The number of processors this process may use: affinity mask and control group quota respected.
  static int usable_processors();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hearth
