// Names of models as people write them: NAME or NAME:TAG.
#pragma once

#include <string_view>

namespace hearth::serving {

// Whether two names mean the same model: case does not matter, and a missing tag is ":latest".
bool same_model_name(std::string_view a, std::string_view b);

}  // namespace hearth::serving
