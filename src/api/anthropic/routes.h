// The Anthropic dialect: messages and the counting of their tokens. Its list of models is in
// api/model_routes.h.
#pragma once

#include <chrono>

#include "api/router.h"
#include "serving/generation_service.h"

namespace hearth::api::anthropic {

struct AnthropicOptions {
  // A ping goes into a silent stream this often.
  std::chrono::milliseconds keep_alive_interval{10'000};
};

// `service` outlives the router.
void add_anthropic_routes(Router& router, serving::GenerationService& service, AnthropicOptions options = {});

}  // namespace hearth::api::anthropic
