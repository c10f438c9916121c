// What this machine can do at most, measured: bytes read from memory and int8 multiply-accumulates per
// second. `hearth bench` and bench/kernels hold their figures against these.
//
// These are a library of their own over `base`: they need threads and memory, which kernels may not have, and
// no part of a forward pass needs them.
#pragma once

#include <string_view>
#include <vector>

#include "app/bench/dot_loops.h"
#include "app/bench/read_loops.h"
#include "base/aligned_buffer.h"
#include "base/thread_pool.h"

namespace hearth::app {

enum class PageSize { kSmall, kHuge };

// The best of what read_loops() gave.
struct ReadBandwidth {
  PageSize pages = PageSize::kHuge;
  int n_threads = 0;
  const ReadLoop* loop = nullptr;
  double bytes_per_second = 0;
};

// Memory far larger than the caches, each thread's share of it touched first by that thread.
class ReadTest {
 public:
  // Errors: kOverloaded without memory for it (512 MiB).
  static Result<ReadTest> create(ThreadPool& threads, PageSize pages);

  // The best of `n_passes` over the memory, by n_threads of the pool. A pass takes about 10 ms to 50 ms.
  double measure(const ReadLoop& loop, int n_threads, int n_passes) const;
  // The best loop.
  ReadBandwidth best(int n_threads) const;

 private:
  ReadTest(ThreadPool& threads, PageSize pages, AlignedBuffer buffer)
      : threads_(&threads), pages_(pages), buffer_(std::move(buffer)) {}

  ThreadPool* threads_;
  PageSize pages_;
  AlignedBuffer buffer_;
};

// By 1, 2, 4 … and all threads of the pool, on small and on huge pages. Takes about a quarter of a second
// each.
Result<std::vector<ReadBandwidth>> survey_read_bandwidth(ThreadPool& threads);

// int8 multiply-accumulates per second, from registers, of all threads with the dot product that the kernel
// table of this name is made of; 0 when there is none. Takes about 30 ms.
double measure_dot_peak(ThreadPool& threads, std::string_view kernels);

}  // namespace hearth::app
