#pragma once

#include "kernels/kernels.h"

namespace hearth::kernels::avx512 {

// Replaces what this instruction set computes faster. Call only on a processor that has it (isa.h).
void install(KernelTable& table);
// The same for a processor that also multiplies bfloat16.
void install_bf16(KernelTable& table);

}  // namespace hearth::kernels::avx512
