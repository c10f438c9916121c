#include "kernels/neon/install.h"
#include "kernels/neon/vec.h"
#include "kernels/simd/formats_32.h"

namespace hearth::kernels::neon {

void install_matmul_32(KernelTable& table) {
  simd::install_blocks<V, simd::Q4_0<V>>(table);
  simd::install_blocks<V, simd::Q4_1<V>>(table);
  simd::install_blocks<V, simd::Q5_0<V>>(table);
  simd::install_blocks<V, simd::Q5_1<V>>(table);
  simd::install_blocks<V, simd::Q8_0<V>>(table);
  simd::install_blocks<V, simd::IQ4_NL<V>>(table);
  simd::install_blocks<V, simd::MXFP4<V>>(table);
}

}  // namespace hearth::kernels::neon
