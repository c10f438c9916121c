// Weights written anew on their way into the store: from a checkpoint, from several files, with other types.
#pragma once

#include "serving/model_creation.h"

namespace hearth::app {

// `on_notice` gets what the person should know of the result (QuantizePlan::notices); may be empty. Uses all
// processors. Thread-safe.
serving::ConvertWeights weight_converter(std::function<void(const std::string&)> on_notice = {});

}  // namespace hearth::app
