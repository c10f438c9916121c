#include "kernels/avx512/install.h"

#include "kernels/avx512/avx512.h"

namespace hearth::kernels::avx512 {

void install(KernelTable& table) {
  install_matmul_32(table);
  install_matmul_256(table);
  install_floats(table);
}

void install_bf16(KernelTable& table) {
  install(table);
  install_bf16_attention(table);
}

}  // namespace hearth::kernels::avx512
