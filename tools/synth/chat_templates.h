// A short chat template for each family, for files whose vocabulary brings none.
#pragma once

#include <string_view>

#include "catalogue/model_spec.h"

namespace hearth::synth {

// Empty for embedding models.
std::string_view chat_template_of(const catalogue::ModelSpec& spec);

// The token that ends a turn in that template.
std::string_view end_of_turn_of(const catalogue::ModelSpec& spec);

}  // namespace hearth::synth
