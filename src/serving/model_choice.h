// Which models a request that names none may mean.
#pragma once

#include <vector>

#include "serving/generation_service.h"

namespace hearth::serving {

// Those that the owner has brought, in their order; where there are none, the built-in one.
std::vector<ModelSummary> models_to_choose_from(std::vector<ModelSummary> models);

}  // namespace hearth::serving
