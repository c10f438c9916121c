#include <cpuid.h>

#include <cstdint>

#include "kernels/avx2/avx2.h"
#include "kernels/avx512/avx512.h"
#include "kernels/isa.h"

namespace hearth::kernels {
namespace {

struct Registers {
  uint32_t a = 0, b = 0, c = 0, d = 0;
};

Registers cpuid(uint32_t leaf, uint32_t subleaf = 0) {
  Registers r;
  if (__get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d) == 0) return {};
  return r;
}

// The register state the operating system saves (XCR0); 0 when it saves none.
uint64_t saved_state() {
  constexpr uint32_t kOsxsave = 1u << 27;
  if ((cpuid(1).c & kOsxsave) == 0) return 0;
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low | static_cast<uint64_t>(high) << 32;
}

constexpr bool has_all(uint64_t value, uint64_t bits) {
  return (value & bits) == bits;
}

bool has_avx2() {
  constexpr uint32_t kFma = 1u << 12, kAvx = 1u << 28, kF16c = 1u << 29;  // leaf 1, ecx
  constexpr uint32_t kAvx2 = 1u << 5;                                     // leaf 7, ebx
  constexpr uint64_t kXmmYmm = 0x6;
  return has_all(saved_state(), kXmmYmm) && has_all(cpuid(1).c, kFma | kAvx | kF16c) &&
         has_all(cpuid(7).b, kAvx2);
}

bool has_avx512_vnni() {
  constexpr uint32_t kF = 1u << 16, kDq = 1u << 17, kBw = 1u << 30, kVl = 1u << 31;  // leaf 7, ebx
  constexpr uint32_t kVbmi = 1u << 1, kVnni = 1u << 11;                              // leaf 7, ecx
  constexpr uint64_t kXmmYmmZmmMasks = 0xe6;
  return has_avx2() && has_all(saved_state(), kXmmYmmZmmMasks) && has_all(cpuid(7).b, kF | kDq | kBw | kVl) &&
         has_all(cpuid(7).c, kVbmi | kVnni);
}

bool has_avx512_bf16() {
  constexpr uint32_t kBf16 = 1u << 5;  // leaf 7.1, eax
  return has_avx512_vnni() && has_all(cpuid(7, 1).a, kBf16);
}

constexpr Isa kIsas[] = {{"avx512_bf16", has_avx512_bf16, avx512::install_bf16},
                         {"avx512", has_avx512_vnni, avx512::install},
                         {"avx2", has_avx2, avx2::install}};

}  // namespace

std::span<const Isa> compiled_isas() {
  return kIsas;
}

}  // namespace hearth::kernels
