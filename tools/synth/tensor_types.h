// Which type each tensor of a synthetic model gets: the rules for real files, and float32 for what they
// leave.
#pragma once

#include <span>
#include <vector>

#include "convert/quant_mix.h"
#include "kernels/dtype.h"
#include "synth/model_spec.h"
#include "synth/tensor_list.h"

namespace hearth::synth {

// One type per tensor of the list.
std::vector<kernels::DType> choose_types(const convert::QuantMix& mix, const ModelSpec& spec,
                                         std::span<const SynthTensor> tensors);

}  // namespace hearth::synth
