// Making models: /api/create, and /api/blobs for the files they are made from.
#pragma once

#include <memory>

#include "api/router.h"
#include "store/model_store.h"

namespace hearth::api::ollama {

void add_create_routes(Router& router, std::shared_ptr<store::ModelStore> models);

}  // namespace hearth::api::ollama
