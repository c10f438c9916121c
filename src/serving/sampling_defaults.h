// The sampling that a model's author recommends.
#pragma once

#include <string>
#include <vector>

#include "engine/sampling_params.h"
#include "gguf/model_file.h"

namespace hearth::serving {

// general.sampling.* of the file on top of SamplingParams' defaults. A value that is of the wrong type or out
// of range is left out and described in `warnings`.
engine::SamplingParams default_sampling(const gguf::Metadata& metadata,
                                        std::vector<std::string>* warnings = nullptr);

}  // namespace hearth::serving
