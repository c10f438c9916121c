#include "kernels/avx2/install.h"

#include "kernels/avx2/avx2.h"

namespace hearth::kernels::avx2 {

void install(KernelTable& table) {
  install_matmul_32(table);
  install_matmul_256(table);
  install_floats(table);
}

}  // namespace hearth::kernels::avx2
