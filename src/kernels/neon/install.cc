#include "kernels/neon/install.h"

#include "kernels/neon/neon.h"

namespace hearth::kernels::neon {

void install(KernelTable& table) {
  install_matmul_32(table);
  install_matmul_256(table);
  install_floats(table);
}

}  // namespace hearth::kernels::neon
