#include "base/thread_counts.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <vector>

namespace hearth {
namespace {

constexpr size_t kReadBytes = size_t{256} << 20, kFewBytes = size_t{64} << 20;
constexpr double kWorthIt = 1.03;
constexpr int kRuns =
    4;  // of which the best counts: others use the machine too, and threads take time to start

// Results go here, so that the compiler cannot leave the work out.
std::atomic<uint64_t> g_sink{0};

void read(std::span<const std::byte> bytes) {
  const auto* words = reinterpret_cast<const uint64_t*>(bytes.data());
  uint64_t sums[8] = {};
  for (size_t i = 0; i + 8 <= bytes.size() / sizeof(uint64_t); i += 8) {
    for (size_t lane = 0; lane < 8; ++lane) sums[lane] += words[i + lane];
  }
  for (const uint64_t sum : sums) g_sink.fetch_add(sum, std::memory_order_relaxed);
}

// About a tenth of a millisecond of multiplications, enough at once that a core has none to spare for a
// second thread.
void multiply() {
  constexpr int kRounds = 8000;
  uint32_t x[32];
  for (uint32_t lane = 0; lane < 32; ++lane) x[lane] = lane;
  for (int round = 0; round < kRounds; ++round) {
    for (uint32_t& value : x) value = value * 1664525u + 1013904223u;
  }
  for (const uint32_t value : x) g_sink.fetch_add(value, std::memory_order_relaxed);
}

template <typename Work>
double seconds_of(const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

int fewest_fast_threads(int n_threads, FunctionRef<double(int)> seconds) {
  std::vector<int> counts;
  for (int k = 1; k < n_threads; k *= 2) counts.push_back(k);
  counts.push_back(n_threads);
  std::vector<double> best(counts.size(), std::numeric_limits<double>::infinity());
  for (int run = 0; run < kRuns; ++run) {
    for (size_t i = 0; i < counts.size(); ++i) best[i] = std::min(best[i], seconds(counts[i]));
  }
  const double fastest = *std::min_element(best.begin(), best.end());
  size_t i = 0;
  while (best[i] > fastest * kWorthIt) ++i;
  return counts[i];
}

ThreadCounts measure_thread_counts(ThreadPool& pool, std::span<const std::byte> weights) {
  const int n = pool.n_threads();
  if (n == 1) return {};
  constexpr size_t kPieces = 64, kGrain = size_t{1} << 20;
  ThreadCounts counts;
  counts.prefill = fewest_fast_threads(n, [&](int max_threads) {
    return seconds_of([&] {
      pool.parallel_for(
          kPieces, 1, [](size_t, size_t) { multiply(); }, max_threads);
    });
  });
  counts.decode = counts.prefill;
  if (weights.size() < kFewBytes) return counts;
  const auto bytes = weights.first(std::min(weights.size(), kReadBytes) / kGrain * kGrain);
  counts.decode = fewest_fast_threads(n, [&](int max_threads) {
    return seconds_of([&] {
      pool.parallel_for(
          bytes.size(), kGrain, [&](size_t begin, size_t end) { read(bytes.subspan(begin, end - begin)); },
          max_threads);
    });
  });
  return counts;
}

}  // namespace hearth
