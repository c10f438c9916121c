#include <arm_neon.h>

#include "app/bench/dot_loops.h"

namespace hearth::app {
namespace {

// Twelve independent chains of additions hide the latency of one. One statement for all of them: a compiler
// stores the elements of an array after each.
uint64_t sdot(size_t n_steps) {
  int32x4_t a = vdupq_n_s32(0), b = a, c = a, d = a, e = a, f = a, g = a, h = a, i = a, j = a, k = a, l = a;
  const int8x16_t w = vdupq_n_s8(3), x = vdupq_n_s8(5);
  for (size_t step = 0; step < n_steps; step += 12) {
    __asm__ volatile(
        ".arch_extension dotprod\n\t"
        "sdot %0.4s, %[w].16b, %[x].16b\n\t"
        "sdot %1.4s, %[w].16b, %[x].16b\n\t"
        "sdot %2.4s, %[w].16b, %[x].16b\n\t"
        "sdot %3.4s, %[w].16b, %[x].16b\n\t"
        "sdot %4.4s, %[w].16b, %[x].16b\n\t"
        "sdot %5.4s, %[w].16b, %[x].16b\n\t"
        "sdot %6.4s, %[w].16b, %[x].16b\n\t"
        "sdot %7.4s, %[w].16b, %[x].16b\n\t"
        "sdot %8.4s, %[w].16b, %[x].16b\n\t"
        "sdot %9.4s, %[w].16b, %[x].16b\n\t"
        "sdot %10.4s, %[w].16b, %[x].16b\n\t"
        "sdot %11.4s, %[w].16b, %[x].16b\n\t"
        : "+w"(a), "+w"(b), "+w"(c), "+w"(d), "+w"(e), "+w"(f), "+w"(g), "+w"(h), "+w"(i), "+w"(j), "+w"(k),
          "+w"(l)
        : [w] "w"(w), [x] "w"(x));
  }
  for (const int32x4_t& other : {b, c, d, e, f, g, h, i, j, k, l}) a = vaddq_s32(a, other);
  return static_cast<uint64_t>(vgetq_lane_s32(a, 0));
}

constexpr DotLoop kLoops[] = {{"neon", 16, sdot}};

}  // namespace

std::span<const DotLoop> dot_loops() {
  return kLoops;
}

}  // namespace hearth::app
