// Signing in with a key, and out.
#pragma once

#include <memory>

#include "api/access/doorkeeper.h"
#include "api/page/page_router.h"

namespace hearth::api::page {

// Over an encrypted connection the cookie is for such ones alone.
void add_session_routes(PageRouter& routes, const std::shared_ptr<Doorkeeper>& doorkeeper);

}  // namespace hearth::api::page
