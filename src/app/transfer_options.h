// Which registries are asked, as the settings and the environment say.
#pragma once

#include "app/settings.h"
#include "registry/pull.h"

namespace hearth::app {

// HF_ENDPOINT and HF_TOKEN are understood, as Hugging Face's own programs do.
registry::TransferOptions transfer_options(const Settings& settings, const EnvironmentLookup& environment);

}  // namespace hearth::app
