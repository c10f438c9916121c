// GET /v1/models and /v1/models/{id}, which two dialects have at the same address: a client that names its
// anthropic-version is answered in Anthropic's shape, any other in OpenAI's.
#pragma once

#include "api/router.h"
#include "serving/generation_service.h"

namespace hearth::api {

// `service` outlives the router.
void add_model_routes(Router& router, serving::GenerationService& service);

}  // namespace hearth::api
