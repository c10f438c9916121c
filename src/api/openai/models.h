// GET /v1/models and /v1/models/{id}.
#pragma once

#include "api/http_types.h"
#include "serving/generation_service.h"

namespace hearth::api::openai {

HttpResponse models_response(const serving::GenerationService& service);
HttpResponse model_response(serving::GenerationService& service, std::string_view id);

}  // namespace hearth::api::openai
