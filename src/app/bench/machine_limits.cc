#include "app/bench/machine_limits.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <limits>

#include "base/platform/pages.h"

namespace hearth::app {
namespace {

constexpr size_t kReadBytes = size_t{512} << 20;

// The shortest of a few runs: whatever else the machine does only ever makes one longer.
template <typename Work>
double shortest_seconds(int n_runs, Work work) {
  double shortest = std::numeric_limits<double>::infinity();
  for (int i = 0; i < n_runs; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    shortest =
        std::min(shortest, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return shortest;
}

// Results that must be seen to be used.
std::atomic<uint64_t> g_sink;

}  // namespace

Result<ReadTest> ReadTest::create(ThreadPool& threads, PageSize pages) {
  HEARTH_TRY(AlignedBuffer buffer, AlignedBuffer::create(kReadBytes));
  if (pages == PageSize::kSmall) platform::use_small_pages(buffer.data(), buffer.size());
  const size_t share = kReadBytes / static_cast<size_t>(threads.n_threads());
  threads.run(
      [&](int thread) { std::memset(buffer.data() + static_cast<size_t>(thread) * share, 1, share); });
  return ReadTest(threads, pages, std::move(buffer));
}

double ReadTest::measure(const ReadLoop& loop, int n_threads, int n_passes) const {
  // The software prefetches of the last panel fall into the one that is left out.
  const size_t share = (kReadBytes - kReadUnit) / static_cast<size_t>(n_threads) / kReadUnit * kReadUnit;
  const double seconds = shortest_seconds(n_passes, [&] {
    threads_->run(
        [&](int slot) {
          g_sink.fetch_add(loop.run(buffer_.data() + static_cast<size_t>(slot) * share, share),
                           std::memory_order_relaxed);
        },
        n_threads);
  });
  return static_cast<double>(share) * n_threads / seconds;
}

ReadBandwidth ReadTest::best(int n_threads) const {
  ReadBandwidth best;
  for (const ReadLoop& loop : read_loops()) {
    const double rate = measure(loop, n_threads, 3);
    if (rate > best.bytes_per_second) best = {pages_, n_threads, &loop, rate};
  }
  return best;
}

Result<std::vector<ReadBandwidth>> survey_read_bandwidth(ThreadPool& threads) {
  std::vector<ReadBandwidth> all;
  for (const PageSize pages : {PageSize::kSmall, PageSize::kHuge}) {
    HEARTH_TRY(const ReadTest test, ReadTest::create(threads, pages));
    for (int n = 1; n < threads.n_threads(); n *= 2) all.push_back(test.best(n));
    all.push_back(test.best(threads.n_threads()));
  }
  return all;
}

double measure_dot_peak(ThreadPool& threads, std::string_view kernels) {
  constexpr size_t kSteps = kDotUnit << 19;
  for (const DotLoop& loop : dot_loops()) {
    if (loop.kernels != kernels) continue;
    const double seconds = shortest_seconds(
        8, [&] { threads.run([&](int) { g_sink.fetch_add(loop.run(kSteps), std::memory_order_relaxed); }); });
    return loop.macs_per_step * static_cast<double>(kSteps) * threads.n_threads() / seconds;
  }
  return 0;
}

}  // namespace hearth::app
