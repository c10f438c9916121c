#include "limits.h"

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <functional>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace hearth::bench {
namespace {

// Processor time of this thread, as the benchmarks count it: other programs on the machine matter less.
double processor_seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double seconds_of(const std::function<void()>& work) {
  const double begin = processor_seconds();
  work();
  return processor_seconds() - begin;
}

double best_of(int repeats, const std::function<void()>& work) {
  double best = seconds_of(work);
  for (int i = 1; i < repeats; i++) best = std::min(best, seconds_of(work));
  return best;
}

volatile uint64_t sink;

#if defined(__x86_64__)

__attribute__((target("avx2"))) uint64_t read_all(const uint8_t* data, size_t n) {
  __m256i sum[4] = {};
  for (size_t i = 0; i < n; i += 128) {
    _mm_prefetch(reinterpret_cast<const char*>(data + i + 2048), _MM_HINT_T0);
    _mm_prefetch(reinterpret_cast<const char*>(data + i + 2112), _MM_HINT_T0);
    for (size_t k = 0; k < 4; k++) {
      sum[k] =
          _mm256_add_epi64(sum[k], _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data + i + 32 * k)));
    }
  }
  const __m256i all = _mm256_add_epi64(_mm256_add_epi64(sum[0], sum[1]), _mm256_add_epi64(sum[2], sum[3]));
  return static_cast<uint64_t>(_mm256_extract_epi64(all, 0));
}

constexpr size_t kPeakSteps = 20'000'000;

// Twelve chains of dot products; the volatile statements keep the loop as written.
__attribute__((target("avx512f,avx512vnni"))) void peak_vnni() {
  __m512i sum[12] = {};
  __m512i w = _mm512_set1_epi8(3), x = _mm512_set1_epi8(5);
  for (size_t i = 0; i < kPeakSteps / 12; i++) {
    for (auto& s : sum) __asm__ volatile("vpdpbusd %2, %1, %0" : "+v"(s) : "v"(w), "v"(x));
  }
  uint64_t result[8];
  for (auto& s : sum) {
    _mm512_storeu_si512(result, s);
    sink = sink + result[0];
  }
}

__attribute__((target("avx2"))) void peak_maddubs() {
  __m256i sum[6] = {};
  __m256i w = _mm256_set1_epi8(3), x = _mm256_set1_epi8(5);
  for (size_t i = 0; i < kPeakSteps / 6; i++) {
    for (auto& s : sum) {
      __m256i product;
      __asm__ volatile("vpmaddubsw %2, %1, %0" : "=x"(product) : "x"(w), "x"(x));
      s = _mm256_add_epi16(s, product);
    }
  }
  for (auto& s : sum) sink = sink + static_cast<uint64_t>(_mm256_extract_epi64(s, 0));
}

#else

uint64_t read_all(const uint8_t* data, size_t n) {
  uint64_t sum[8] = {};
  for (size_t i = 0; i < n; i += 64) {
    for (size_t k = 0; k < 8; k++) {
      uint64_t value;
      __builtin_memcpy(&value, data + i + 8 * k, sizeof value);
      sum[k] += value;
    }
  }
  return sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7];
}

#endif

}  // namespace

double read_bandwidth() {
  constexpr size_t kBytes = size_t{512} << 20;
  std::vector<uint8_t> data(kBytes, 1);
  return kBytes / best_of(5, [&] { sink = read_all(data.data(), data.size()); });
}

double int8_peak([[maybe_unused]] std::string_view name) {
#if defined(__x86_64__)
  if (name.starts_with("avx512")) return kPeakSteps * 64.0 / best_of(5, peak_vnni);
  if (name == "avx2") return kPeakSteps * 32.0 / best_of(5, peak_maddubs);
#endif
  return 0;
}

}  // namespace hearth::bench
