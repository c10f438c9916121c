// Which tensor gets which type in a file of a given quantisation, as published files have it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kernels/dtype.h"
#include "synth/model_spec.h"
#include "synth/tensor_list.h"

namespace hearth::synth {

struct QuantMix {
  std::string_view name;    // "q4_k_m"
  kernels::DType matrices;  // most of the model
  uint32_t file_type;       // general.file_type
};

// The error lists the names there are.
Result<QuantMix> find_quant_mix(std::string_view name);
std::vector<std::string_view> quant_mix_names();

// One type per tensor of the list.
std::vector<kernels::DType> choose_types(const QuantMix& mix, const ModelSpec& spec,
                                         std::span<const SynthTensor> tensors);

}  // namespace hearth::synth
