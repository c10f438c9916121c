// Making models: /api/create, and /api/blobs for the files they are made from.
#pragma once

#include <memory>

#include "api/router.h"
#include "serving/model_creation.h"
#include "store/model_store.h"

namespace hearth::api::ollama {

// `convert` is called from one thread at a time.
void add_create_routes(Router& router, std::shared_ptr<store::ModelStore> models,
                       serving::ConvertWeights convert);

}  // namespace hearth::api::ollama
