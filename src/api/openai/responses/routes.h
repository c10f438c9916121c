// The Responses API: /responses and what belongs to it, under /v1 and without it.
#pragma once

#include "api/openai/routes.h"

namespace hearth::api::openai::responses {

// `service` and what the options point to outlive the router.
void add_responses_routes(Router& router, serving::GenerationService& service, const OpenAiOptions& options);

}  // namespace hearth::api::openai::responses
