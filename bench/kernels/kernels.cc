// Speed of every table's matmul on one thread.
//   decode/TABLE/FORMAT/TOKENS   weights far larger than the L3 cache; GB/s and the share of read bandwidth
//   prefill/TABLE/FORMAT         512 tokens; GMAC/s and the share of the int8 peak
// The limits are measured by the same run, the best of several. The rates of kernels are per second of
// processor time. --benchmark_filter=… chooses.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "kernels/parity/random_blocks.h"
#include "one_thread_limits.h"

namespace hearth::bench {
namespace {

using kernels::DTypeTraits;
using kernels::KernelTable;

constexpr size_t kIn = 4096;
constexpr size_t kDecodeBytes = size_t{128} << 20;
constexpr size_t kPrefillRows = 512, kPrefillTokens = 512;

// Of one thread.
// Rows of random blocks; a stretch of them is repeated, which no kernel can notice.
std::vector<uint8_t> weights(const DTypeTraits& traits, size_t n_rows) {
  std::mt19937 rng(1);
  const size_t distinct = std::min<size_t>(n_rows, 64);
  const auto some = kernels::make_rows(traits.dtype, distinct, kIn, kernels::Pattern::kRandom, rng);
  const size_t bytes = kernels::row_bytes(traits.dtype, kIn);
  std::vector<uint8_t> all(n_rows * bytes + 64);
  for (size_t r = 0; r < n_rows; r++) std::memcpy(&all[r * bytes], &some[1 + r % distinct * bytes], bytes);
  return all;
}

struct Activations {
  std::vector<float> x;
  std::vector<int8_t> q;
  std::vector<float> scale;
  std::vector<int16_t> sum;

  Activations(const KernelTable& table, size_t group, size_t n_tokens)
      : x(n_tokens * kIn), q(n_tokens * kIn), scale(n_tokens * kIn / 32), sum(n_tokens * kIn / 16) {
    std::mt19937 rng(2);
    std::normal_distribution<float> normal;
    for (float& v : x) v = normal(rng);
    for (size_t t = 0; t < n_tokens; t++) {
      if (group == 0) continue;
      table.quantize_activations(&x[t * kIn], kIn, group,
                                 {&q[t * kIn], &scale[t * kIn / 32], &sum[t * kIn / 16]});
    }
  }
};

void run(benchmark::State& state, const KernelTable& table, const DTypeTraits& traits, size_t n_rows,
         size_t n_tokens) {
  const auto weight = weights(traits, n_rows);
  const auto id = static_cast<size_t>(traits.dtype);
  Activations activations(table, table.matmul[id].activation_group, n_tokens);
  std::vector<float> out(n_rows * n_tokens);
  for (auto _ : state) {
    table.matmul[id].run({weight.data(),
                          kernels::row_bytes(traits.dtype, kIn),
                          n_rows,
                          kIn,
                          activations.x.data(),
                          {activations.q.data(), activations.scale.data(), activations.sum.data()},
                          n_tokens,
                          out.data(),
                          n_rows});
    benchmark::ClobberMemory();
  }
}

using benchmark::Counter;

void decode(benchmark::State& state, const KernelTable& table, const DTypeTraits& traits) {
  const size_t n_rows = kDecodeBytes / kernels::row_bytes(traits.dtype, kIn) / 16 * 16;
  run(state, table, traits, n_rows, static_cast<size_t>(state.range(0)));
  const double bytes =
      static_cast<double>(n_rows * kernels::row_bytes(traits.dtype, kIn) * state.iterations());
  state.counters["GB/s"] = Counter(bytes / 1e9, Counter::kIsRate);
  state.counters["of_bandwidth"] = Counter(bytes / limits().bandwidth, Counter::kIsRate);
}

void prefill(benchmark::State& state, const KernelTable& table, const DTypeTraits& traits) {
  run(state, table, traits, kPrefillRows, kPrefillTokens);
  const double macs =
      static_cast<double>(kPrefillRows * kPrefillTokens * kIn) * static_cast<double>(state.iterations());
  state.counters["GMAC/s"] = Counter(macs / 1e9, Counter::kIsRate);
  const double peak = limits().peak[std::string(table.name)];
  if (peak > 0) state.counters["of_peak"] = Counter(macs / peak, Counter::kIsRate);
}

void add_all() {
  for (const KernelTable* table : kernels::available_kernels()) {
    if (table->name == "reference") continue;
    limits().peak[std::string(table->name)] = app::measure_dot_peak(limits().threads, table->name);
    for (const DTypeTraits& traits : kernels::kDTypes) {
      const std::string name = "/" + std::string(table->name) + "/" + std::string(traits.name);
      benchmark::RegisterBenchmark(("decode" + name).c_str(),
                                   [=](benchmark::State& s) { decode(s, *table, traits); })
          ->Arg(1)
          ->Arg(4)
          ->Unit(benchmark::kMillisecond);
      benchmark::RegisterBenchmark(("prefill" + name).c_str(), [=](benchmark::State& s) {
        prefill(s, *table, traits);
      })->Unit(benchmark::kMillisecond);
    }
  }
}

}  // namespace
}  // namespace hearth::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  hearth::bench::add_all();
  std::printf("one thread: read bandwidth %.1f GB/s", hearth::bench::limits().bandwidth / 1e9);
  for (const auto& [name, peak] : hearth::bench::limits().peak)
    std::printf(", int8 peak of %s %.0f GMAC/s", name.c_str(), peak / 1e9);
  std::printf("\n");
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
