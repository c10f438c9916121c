// What llama-server tells of itself: /props, /slots, /lora-adapters.
#pragma once

#include <string>

#include "api/fields.h"
#include "serving/generation_service.h"

namespace hearth::api::llama_server {

// The reply to GET /props for a model; empty = the only one.
Parsed<std::string> props(serving::GenerationService& service, const std::string& model,
                          const std::string& build_info);

// The reply to GET /slots: what runs now, on all models in memory. There are no fixed slots, so that nothing
// stands here for what does not run.
std::string slots(const serving::GenerationService& service);

}  // namespace hearth::api::llama_server
