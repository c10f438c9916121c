// Weight rows for tests: valid blocks of a format with chosen extremes.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "kernels/dtype.h"

namespace hearth::kernels {

enum class Pattern { kRandom, kAllMax, kAllMin, kZeros, kTinyScale };

// n_rows rows of n_in values, packed, beginning at an odd address: data() of the result plus 1. Scales are
// halves in [2^-9, 2^-5) of either sign (subnormal halves for kTinyScale, zero for kZeros); kAllMax sets
// every other bit, kAllMin clears it.
std::vector<uint8_t> make_rows(DType dtype, size_t n_rows, size_t n_in, Pattern pattern, std::mt19937& rng);

}  // namespace hearth::kernels
