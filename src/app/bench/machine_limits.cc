#include "app/machine_limits.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>

#include "base/aligned_buffer.h"

namespace hearth::app {

double measure_read_bandwidth(ThreadPool& threads) {
  constexpr size_t kBytes = size_t{512} << 20;
  constexpr int kPasses = 8;
  auto buffer = AlignedBuffer::create(kBytes);
  if (!buffer) return 0;
  const auto n = static_cast<size_t>(threads.n_threads());
  const size_t share = kBytes / n / 64 * 64;
  std::byte* const data = buffer->data();
  threads.run([&](int thread) { std::memset(data + static_cast<size_t>(thread) * share, 1, share); });

  std::atomic<uint64_t> sink{0};
  double best = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    const auto start = std::chrono::steady_clock::now();
    threads.run([&](int thread) {
      // Sums in eight lanes, which the compiler keeps in vector registers.
      const auto* words = reinterpret_cast<const uint64_t*>(data + static_cast<size_t>(thread) * share);
      uint64_t sums[8] = {};
      for (size_t i = 0; i + 8 <= share / sizeof(uint64_t); i += 8) {
        for (size_t lane = 0; lane < 8; ++lane) sums[lane] += words[i + lane];
      }
      uint64_t total = 0;
      for (const uint64_t sum : sums) total += sum;
      sink += total;
    });
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    best = std::max(best, static_cast<double>(share * n) / took.count());
  }
  return sink.load() == 0 ? 0 : best;
}

}  // namespace hearth::app
