// Random tensor data made directly in a storage format: quants are random bits, scales are chosen so that the
// dequantised values have mean 0 and the wanted standard deviation. Nothing is ever quantised.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "kernels/dtype.h"
#include "synth/random.h"

namespace hearth::synth {

class BlockGenerator {
 public:
  // The mean is for the float formats; the quantised ones have mean 0.
  BlockGenerator(kernels::DType dtype, float mean, float deviation);

  // Fills whole blocks. A mean-zero matrix matters: a common offset of all weights would be a direction that
  // every layer amplifies.
  void fill(Random& random, std::span<std::byte> out) const;

 private:
  // Bit patterns of a block's scale and of what goes with it: minimum, sign or exponent.
  struct Scale {
    uint16_t d;
    uint16_t m;
  };

  void fill_floats(Random& random, std::span<std::byte> out) const;
  void patch(std::byte* block, uint64_t choice) const;

  kernels::DType dtype_;
  float mean_;
  float deviation_;
  std::array<Scale, 16> scales_ = {};  // sixteen sizes around the right one; signs alternate where allowed
};

// The standard deviation of d = 1 blocks, from which scales are computed.
double unit_deviation(kernels::DType dtype);

}  // namespace hearth::synth
