// Routes that belong to no dialect: health, and "/", which tells people what this is, and programs what they
// look for there.
#pragma once

#include <memory>

#include "api/http_types.h"
#include "api/readiness.h"
#include "api/router.h"
#include "serving/generation_service.h"

namespace hearth::api {

// /health is 200 when the server can answer: `readiness` says so (null: it always is) and the service is
// healthy. `page` answers browsers at "/"; null: they get a few words.
void add_status_routes(Router& router, const serving::GenerationService& service,
                       std::shared_ptr<const Readiness> readiness = nullptr, Handler page = nullptr);

}  // namespace hearth::api
