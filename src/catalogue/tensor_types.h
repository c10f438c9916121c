// Which type each tensor of a model gets: the rules for real files, and float32 for what they
// leave.
#pragma once

#include <span>
#include <vector>

#include "catalogue/model_spec.h"
#include "catalogue/tensor_list.h"
#include "convert/quant_mix.h"
#include "kernels/dtype.h"

namespace hearth::catalogue {

// One type per tensor of the list.
std::vector<kernels::DType> choose_types(const convert::QuantMix& mix, const ModelSpec& spec,
                                         std::span<const ModelTensor> tensors);

}  // namespace hearth::catalogue
