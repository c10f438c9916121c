// Models as this dialect lists them.
#pragma once

#include <string_view>

#include "api/http_types.h"
#include "serving/generation_service.h"

namespace hearth::api::anthropic {

// All of them on one page.
HttpResponse models_response(const serving::GenerationService& service);
// One of them; an error in this dialect's shape where it is not served.
HttpResponse model_response(serving::GenerationService& service, std::string_view id,
                            const HttpRequest& request);

}  // namespace hearth::api::anthropic
