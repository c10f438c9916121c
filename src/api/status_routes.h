// Routes that belong to no dialect: health, and a page at "/" that says what this is.
#pragma once

#include "api/router.h"
#include "serving/generation_service.h"

namespace hearth::api {

void add_status_routes(Router& router, const serving::GenerationService& service);

}  // namespace hearth::api
