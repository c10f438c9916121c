// Speed of every table's attention on one thread, over paged keys and values in shuffled order.
//   decode/TABLE/FORMAT/SHAPE   one token's query heads over caches far larger than the L3 cache; GB/s and
//   the
//                               share of read bandwidth
//   prefill/TABLE/FORMAT/SHAPE  a tile of tokens behind the depth; GMAC/s and the share of the int8 peak
// All rates are per second of processor time.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/kernels.h"
#include "one_thread_limits.h"

namespace hearth::bench {
namespace {

using benchmark::Counter;
using kernels::AttendBlock;
using kernels::DType;
using kernels::kAttendBlock;
using kernels::kAttendSpan;
using kernels::KernelTable;

struct Shape {
  const char* name;
  size_t group;  // query heads of a KV head
  size_t head_dim;
  size_t depth;  // positions before the first token; a window is a short depth
};
constexpr Shape kShapes[] = {
    {"llama_8b_8k", 4, 128, 8192},          {"gemma4_e4b_window", 4, 256, 512},
    {"gemma4_e4b_global_8k", 4, 512, 8192}, {"gemma4_26b_window", 2, 256, 1024},
    {"gemma4_26b_global_8k", 8, 512, 8192},
};
constexpr size_t kDecodeBytes = size_t{128} << 20;
constexpr size_t kTileRows = 128;

// The blocks of n_heads KV heads, anywhere in one pool.
class Cache {
 public:
  Cache(const KernelTable& table, const Shape& shape, DType dtype, size_t n_heads, size_t n_positions) {
    const size_t n_blocks = (n_positions + kAttendBlock - 1) / kAttendBlock;
    const size_t rows = n_heads * n_blocks * 2 * kAttendBlock;
    const size_t bytes = kernels::row_bytes(dtype, shape.head_dim);
    pool_ = std::move(*AlignedBuffer::create(rows * bytes));
    auto* pool = reinterpret_cast<uint8_t*>(pool_.data());
    std::mt19937 rng(1);
    std::normal_distribution<float> normal;
    std::vector<float> row(shape.head_dim);
    for (size_t r = 0; r < rows; r++) {
      if (r < kAttendSpan) {
        for (float& x : row) x = normal(rng);
        table.store_row(row.data(), row.size(), dtype, &pool[r * bytes]);
      } else {
        std::memcpy(&pool[r * bytes], &pool[r % kAttendSpan * bytes], bytes);
      }
    }
    std::vector<size_t> order(n_heads * n_blocks);
    std::iota(order.begin(), order.end(), size_t{0});
    std::shuffle(order.begin(), order.end(), rng);
    heads_.resize(n_heads);
    for (size_t i = 0; i < order.size(); i++) {
      const uint8_t* block = &pool[order[i] * 2 * kAttendBlock * bytes];
      heads_[i / n_blocks].push_back({block, block + kAttendBlock * bytes});
    }
  }
  const std::vector<std::vector<AttendBlock>>& heads() const { return heads_; }

 private:
  AlignedBuffer pool_;  // in huge pages, like an engine's cache
  std::vector<std::vector<AttendBlock>> heads_;
};

// n_tokens rows of a group's heads behind the depth, over all of the cache's KV heads.
void run(benchmark::State& state, const KernelTable& table, const Shape& shape, DType dtype, size_t n_tokens,
         size_t n_heads) {
  const size_t n_rows = n_tokens * shape.group;
  const Cache cache(table, shape, dtype, n_heads, shape.depth + n_tokens);
  std::mt19937 rng(2);
  std::normal_distribution<float> normal;
  std::vector<float> q(n_rows * shape.head_dim);
  for (float& x : q) x = normal(rng);
  std::vector<int32_t> first(n_rows, 0), end(n_rows);
  for (size_t r = 0; r < n_rows; r++) end[r] = static_cast<int32_t>(shape.depth + r / shape.group + 1);
  std::vector<float> m(n_rows), s(n_rows), o(n_rows * shape.head_dim);
  std::vector<std::byte> scratch(kernels::attend_scratch_bytes(n_rows, shape.head_dim) + 64);
  auto* aligned = reinterpret_cast<std::byte*>((reinterpret_cast<uintptr_t>(scratch.data()) + 63) / 64 * 64);
  for (auto _ : state) {
    for (const auto& blocks : cache.heads()) {
      std::fill(m.begin(), m.end(), -std::numeric_limits<float>::infinity());
      std::fill(s.begin(), s.end(), 0.0f);
      std::fill(o.begin(), o.end(), 0.0f);
      table.attend({.q = q.data(),
                    .q_stride = shape.head_dim,
                    .n_rows = n_rows,
                    .head_dim = shape.head_dim,
                    .value_dim = shape.head_dim,
                    .dtype = dtype,
                    .blocks = blocks.data(),
                    .first_visible = first.data(),
                    .end_visible = end.data(),
                    .scale = 1.0f / std::sqrt(static_cast<float>(shape.head_dim)),
                    .softcap = 0,
                    .state = {m.data(), s.data(), o.data()},
                    .scratch = aligned});
    }
    benchmark::ClobberMemory();
  }
}

void decode(benchmark::State& state, const KernelTable& table, const Shape& shape, DType dtype,
            double bandwidth) {
  const size_t head_bytes = 2 * shape.depth * kernels::row_bytes(dtype, shape.head_dim);
  const size_t n_heads = kDecodeBytes / head_bytes + 1;
  run(state, table, shape, dtype, 1, n_heads);
  const auto bytes = static_cast<double>(n_heads * head_bytes * state.iterations());
  state.counters["GB/s"] = Counter(bytes / 1e9, Counter::kIsRate);
  state.counters["of_bandwidth"] = Counter(bytes / bandwidth, Counter::kIsRate);
}

void prefill(benchmark::State& state, const KernelTable& table, const Shape& shape, DType dtype,
             double peak) {
  const size_t n_tokens = kTileRows / shape.group;
  run(state, table, shape, dtype, n_tokens, 1);
  const auto macs =
      static_cast<double>(2 * kTileRows * (shape.depth + n_tokens / 2) * shape.head_dim * state.iterations());
  state.counters["GMAC/s"] = Counter(macs / 1e9, Counter::kIsRate);
  if (peak > 0) state.counters["of_int8_peak"] = Counter(macs / peak, Counter::kIsRate);
}

void add_all() {
  const double bandwidth = limits().bandwidth;
  std::printf("one thread: read bandwidth %.1f GB/s", bandwidth / 1e9);
  for (const KernelTable* table : kernels::available_kernels()) {
    if (table->name == "reference") continue;
    const double peak = app::measure_dot_peak(limits().threads, table->name);
    std::printf(", int8 peak of %s %.0f GMAC/s", std::string(table->name).c_str(), peak / 1e9);
    for (const DType dtype : {DType::kF16, DType::kQ8_0, DType::kF32}) {
      for (const Shape& shape : kShapes) {
        const std::string name = "/" + std::string(table->name) + "/" +
                                 std::string(kernels::traits_of(dtype).name) + "/" + shape.name;
        benchmark::RegisterBenchmark(("decode" + name).c_str(), [=](benchmark::State& s) {
          decode(s, *table, shape, dtype, bandwidth);
        })->Unit(benchmark::kMillisecond);
        benchmark::RegisterBenchmark(("prefill" + name).c_str(), [=](benchmark::State& s) {
          prefill(s, *table, shape, dtype, peak);
        })->Unit(benchmark::kMillisecond);
      }
    }
  }
  std::printf("\n");
}

}  // namespace
}  // namespace hearth::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  hearth::bench::add_all();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
