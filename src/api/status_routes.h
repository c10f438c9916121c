// Routes that belong to no dialect: health, and "/", which tells people what this is, and programs what they
// look for there.
#pragma once

#include "api/router.h"
#include "serving/generation_service.h"

namespace hearth::api {

void add_status_routes(Router& router, const serving::GenerationService& service);

}  // namespace hearth::api
