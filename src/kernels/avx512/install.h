// The parts of this instruction set's table, by file.
#pragma once

#include "kernels/kernels.h"

namespace hearth::kernels::avx512 {

void install_matmul_32(KernelTable& table);
void install_matmul_256(KernelTable& table);
void install_floats(KernelTable& table);
void install_bf16_attention(KernelTable& table);

}  // namespace hearth::kernels::avx512
