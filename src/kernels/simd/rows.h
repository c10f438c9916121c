// As many weight rows as a vector has lanes, four equally spaced rows to a quad.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hearth::kernels {

// Row r is at quad[r / 4] + (r % 4) * stride.
template <size_t kLanes>
struct Rows {
  const uint8_t* quad[kLanes / 4];
  size_t stride;
};

}  // namespace hearth::kernels
