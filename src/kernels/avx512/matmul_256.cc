#include "kernels/avx512/install.h"
#include "kernels/avx512/vec.h"
#include "kernels/simd/formats_256.h"

namespace hearth::kernels::avx512 {

void install_matmul_256(KernelTable& table) {
  simd::install_superblocks<V, simd::Q2_K<V>>(table);
  simd::install_superblocks<V, simd::Q3_K<V>>(table);
  simd::install_superblocks<V, simd::Q4_K<V>>(table);
  simd::install_superblocks<V, simd::Q5_K<V>>(table);
  simd::install_superblocks<V, simd::Q6_K<V>>(table);
  simd::install_superblocks<V, simd::IQ4_XS<V>>(table);
}

}  // namespace hearth::kernels::avx512
