#include "kernels/isa.h"

namespace hearth::kernels {

std::span<const Isa> compiled_isas() {
  return {};
}

}  // namespace hearth::kernels
