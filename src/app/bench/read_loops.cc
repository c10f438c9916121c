#include "app/bench/read_loops.h"

#include <array>

namespace hearth::app {
namespace {

// A processor's memory path is full long before its vector units are: 16 bytes at a time, which every 64-bit
// processor loads in one instruction, read as fast as wider loads.
using Vector = uint64_t __attribute__((vector_size(16)));
constexpr size_t kLine = 64;

// As kernels read weights: a panel of 16 rows side by side, each as long as 4096 columns of Q4_K.
constexpr size_t kRows = 16, kRowBytes = 2304;
static_assert(kRows * kRowBytes == kReadUnit && kRowBytes % (2 * kLine) == 0);

inline void add_line(const std::byte* line, Vector (&sum)[4]) {
  const auto* values = reinterpret_cast<const Vector*>(line);
  for (size_t i = 0; i < 4; ++i) sum[i] += values[i];
}

uint64_t total(const Vector (&sum)[4]) {
  const Vector all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  return all[0] + all[1];
}

// Front to back. kAhead: the distance of software prefetches in bytes, 0 = none.
template <size_t kAhead>
uint64_t read_run(const std::byte* data, size_t n_bytes) {
  Vector sum[4] = {};
  for (size_t i = 0; i < n_bytes; i += 2 * kLine) {
    if constexpr (kAhead > 0) {
      __builtin_prefetch(data + i + kAhead);
      __builtin_prefetch(data + i + kAhead + kLine);
    }
    add_line(data + i, sum);
    add_line(data + i + kLine, sum);
  }
  return total(sum);
}

template <size_t kAhead>
uint64_t read_rows(const std::byte* data, size_t n_bytes) {
  Vector sum[4] = {};
  for (size_t panel = 0; panel < n_bytes; panel += kRows * kRowBytes) {
    for (size_t i = 0; i < kRowBytes; i += 2 * kLine) {
      // Past a row's end: the same row of the next panel.
      const size_t ahead = i + kAhead < kRowBytes ? i + kAhead : i + kAhead + (kRows - 1) * kRowBytes;
      for (size_t row = 0; row < kRows; ++row) {
        const std::byte* at = data + panel + row * kRowBytes;
        if constexpr (kAhead > 0) {
          __builtin_prefetch(at + ahead);
          __builtin_prefetch(at + ahead + kLine);
        }
        add_line(at + i, sum);
        add_line(at + i + kLine, sum);
      }
    }
  }
  return total(sum);
}

constexpr std::array<ReadLoop, 4> kLoops = {{{"one run", read_run<0>},
                                             {"one run, prefetched", read_run<2048>},
                                             {"16 rows", read_rows<0>},
                                             {"16 rows, prefetched", read_rows<512>}}};

}  // namespace

std::span<const ReadLoop> read_loops() {
  return kLoops;
}

}  // namespace hearth::app
