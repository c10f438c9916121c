// Loops that must be unrolled because their index is a template argument of what they call.
#pragma once

#include <cstddef>

#define HEARTH_INLINE inline __attribute__((always_inline))
#define HEARTH_INLINE_LAMBDA __attribute__((always_inline))

namespace hearth::kernels {

template <size_t i>
struct Index {
  static constexpr int value = static_cast<int>(i);
};

// f(Index<begin>{}), …, f(Index<end - 1>{})
template <size_t begin, size_t end, typename F>
HEARTH_INLINE void unroll(const F& f) {
  if constexpr (begin < end) {
    f(Index<begin>{});
    unroll<begin + 1, end>(f);
  }
}

}  // namespace hearth::kernels
