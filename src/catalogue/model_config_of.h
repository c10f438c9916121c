// A known shape as the configuration that a file of that model has: what plans are made from.
#pragma once

#include "catalogue/model_spec.h"
#include "model/model_config.h"

namespace hearth::catalogue {

// As model::read_config() reads it from the model's file, as far as memory and work depend on it.
model::ModelConfig config_of(const ModelSpec& spec);

}  // namespace hearth::catalogue
