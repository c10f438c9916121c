// Signing in with a key, and out.
#pragma once

#include <memory>

#include "api/access/doorkeeper.h"
#include "api/page/page_router.h"

namespace hearth::api::page {

// `secure`: the cookie is for encrypted connections alone.
void add_session_routes(PageRouter& routes, const std::shared_ptr<Doorkeeper>& doorkeeper, bool secure);

}  // namespace hearth::api::page
