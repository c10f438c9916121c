#include "kernels/avx512/install.h"
#include "kernels/avx512/vec.h"
#include "kernels/simd/attention.h"
#include "kernels/simd/elementwise.h"
#include "kernels/simd/matmul_float.h"

namespace hearth::kernels::avx512 {

void install_floats(KernelTable& table) {
  simd::install_float<V>(table);
  simd::install_elementwise<V>(table);
  table.attend = simd::attend<V>;
  table.merge_attention = simd::merge_attention<V>;
}

}  // namespace hearth::kernels::avx512
