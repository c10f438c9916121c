// The int8 dot product instruction of each kernel table, alone in a loop: what its matmul could reach if
// nothing else had to be done. One of dot_loops_x86_64.cc, dot_loops_aarch64.cc and dot_loops_none.cc is
// compiled, chosen by CMake.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hearth::app {

inline constexpr size_t kDotUnit = 24;  // steps come in multiples of this

struct DotLoop {
  std::string_view kernels;         // name of the table; only where that table is available may the loop run
  double macs_per_step;             // multiply-accumulates of int8 values
  uint64_t (*run)(size_t n_steps);  // a multiple of kDotUnit
};

std::span<const DotLoop> dot_loops();

}  // namespace hearth::app
