// The checks of a request's head that the HTTP parser does not make.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/error_response.h"
#include "api/host_policy.h"
#include "api/http_server.h"

namespace hearth::api {

// Checks sizes, framing, Host, Origin and media type, and fills request.path and request.query from `target`.
// An error means: reply with it and close.
std::optional<ApiError> check_head(HttpRequest& request, std::string_view target, bool http_1_0,
                                   const HttpLimits& limits, const HostPolicy& policy,
                                   std::string_view local_address);

// What the server holds is changed from its own pages only, whatever origins are allowed: 403 for others.
std::optional<ApiError> check_page(const HttpRequest& request, Scope scope, const HostPolicy& policy);

// The Content-Encoding in lower case; empty for none. check_head has refused what content_decoder.h cannot
// read.
std::string content_coding(const HttpRequest& request);

ApiError body_too_long(const HttpLimits& limits);

// For logs: control characters and bytes beyond ASCII as \xNN, cut at 256 characters.
std::string printable(std::string_view s);

}  // namespace hearth::api
