// What changes the models of the store: /api/delete and /api/copy.
#pragma once

#include <memory>

#include "api/router.h"
#include "store/model_store.h"

namespace hearth::api::ollama {

void add_store_routes(Router& router, std::shared_ptr<store::ModelStore> store);

}  // namespace hearth::api::ollama
