#include "kernels/neon/install.h"
#include "kernels/neon/vec.h"
#include "kernels/simd/attention.h"
#include "kernels/simd/elementwise.h"
#include "kernels/simd/matmul_float.h"

namespace hearth::kernels::neon {

void install_floats(KernelTable& table) {
  simd::install_float<V>(table);
  simd::install_elementwise<V>(table);
  table.attend = simd::attend<V>;
  table.merge_attention = simd::merge_attention<V>;
}

}  // namespace hearth::kernels::neon
