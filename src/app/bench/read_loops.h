// Ways to read memory and do nothing else with it, one of which is the fastest on a given machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hearth::app {

struct ReadLoop {
  std::string_view name;
  // Reads [data, data + n_bytes), n_bytes a multiple of kReadUnit, data aligned to 64 bytes. The sum of what
  // was read keeps the compiler from leaving it out.
  uint64_t (*run)(const std::byte* data, size_t n_bytes);
};

inline constexpr size_t kReadUnit = 16 * 2304;  // one panel of rows, see read_loops.cc

std::span<const ReadLoop> read_loops();

}  // namespace hearth::app
