// What llama-server tells of itself: /props, /slots, /lora-adapters.
#pragma once

#include <string>

#include "api/fields.h"
#include "serving/generation_service.h"

namespace hearth::api::llama_server {

// The reply to GET /props for a model; empty = the only one.
Parsed<std::string> props(serving::GenerationService& service, const std::string& model,
                          const std::string& build_info);

}  // namespace hearth::api::llama_server
