#pragma once

#include "kernels/kernels.h"

namespace hearth::kernels::neon {

// Replaces what this instruction set computes faster. Call only on a processor that has it (isa.h).
void install(KernelTable& table);

}  // namespace hearth::kernels::neon
