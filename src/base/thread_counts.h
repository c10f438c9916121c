// How many threads are worth using, found by trying. Reading weights saturates the memory with a few threads,
// and more of them only wait for each other; arithmetic wants every core, but nothing of a second thread on
// it.
#pragma once

#include <cstddef>
#include <span>

#include "base/function_ref.h"
#include "base/thread_pool.h"

namespace hearth {

struct ThreadCounts {
  int decode = 1;   // bound by memory: a row or a few
  int prefill = 1;  // bound by arithmetic: many rows
};

// The smallest of 1, 2, 4 … n_threads that is within 3 % of the fastest. seconds(k) runs the same work on k
// threads and says how long it took; it is called a few times for each k, and the best run counts.
int fewest_fast_threads(int n_threads, FunctionRef<double(int max_threads)> seconds);

// Takes about a tenth of a second. `weights` should lie in memory already and be far larger than the caches:
// up to 256 MB of it are read. With less than 64 MB, decode is as prefill.
ThreadCounts measure_thread_counts(ThreadPool& pool, std::span<const std::byte> weights);

}  // namespace hearth
