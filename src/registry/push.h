// A model of the store to a registry.
#pragma once

#include "registry/pull.h"

namespace hearth::registry {

// Blocks. The model's name says which registry and under which name; blobs that are there are not sent again.
// Errors: those of the store, kUnsupported for a model without a manifest, and those of pull_model().
Status push_model(const store::ModelStore& models, std::string_view name, const TransferOptions& options);

}  // namespace hearth::registry
