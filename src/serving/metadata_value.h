// The metadata of a model file as one value, for listings.
#pragma once

#include "base/result.h"
#include "gguf/model_file.h"
#include "text/value.h"

namespace hearth::serving {

// A mapping of all keys in the file's order. Lists of more than 64 elements (vocabularies) and lists of lists
// are none. The file was validated: errors do not occur in practice.
Result<text::Value> metadata_value(const gguf::Metadata& metadata);

}  // namespace hearth::serving
