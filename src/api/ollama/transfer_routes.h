// Models from and to registries: /api/pull and /api/push.
#pragma once

#include <memory>

#include "api/router.h"
#include "registry/pull.h"
#include "store/model_store.h"

namespace hearth::api::ollama {

// `options` says which registries may be asked; its report and cancel flag are not looked at.
void add_transfer_routes(Router& router, std::shared_ptr<store::ModelStore> models,
                         registry::TransferOptions options);

}  // namespace hearth::api::ollama
