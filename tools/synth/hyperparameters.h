// The metadata that describes a model's shape, under the keys each architecture uses.
#pragma once

#include "gguf/writer.h"
#include "catalogue/model_spec.h"

namespace hearth::synth {

void add_hyperparameters(gguf::GgufWriter& writer, const catalogue::ModelSpec& spec);

}  // namespace hearth::synth
