#if defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "kernels/isa.h"
#include "kernels/neon/neon.h"

namespace hearth::kernels {
namespace {

bool has_neon_dotprod() {
#if defined(__linux__)
  return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#else
  return true;  // every Apple processor that runs a 64-bit macOS has it
#endif
}

constexpr Isa kIsas[] = {{"neon", has_neon_dotprod, neon::install}};

}  // namespace

std::span<const Isa> compiled_isas() {
  return kIsas;
}

}  // namespace hearth::kernels
