// The checks of a request's head that the HTTP parser does not make.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/error_response.h"
#include "api/host_policy.h"
#include "api/http_server.h"

namespace hearth::api {

// Checks the head's size, framing, Host, Origin and coding, and fills request.path and request.query from
// `target`. An error means: reply with it and close.
std::optional<ApiError> check_head(HttpRequest& request, std::string_view target, bool http_1_0,
                                   const HttpLimits& limits, const HostPolicy& policy,
                                   std::string_view local_address);

// What the server holds is changed from its own pages only, whatever origins are allowed: 403 for others.
std::optional<ApiError> check_page(const HttpRequest& request, Scope scope, const HostPolicy& policy);

// Whether a request comes from one of this server's own pages, or from no browser at all.
bool is_own_page(const HttpRequest& request);

// 415 for a POST, PUT or PATCH with something else than JSON in it.
std::optional<ApiError> check_media_type(const HttpRequest& request);

// The Content-Encoding in lower case; empty for none. check_head has refused what content_decoder.h cannot
// read.
std::string content_coding(const HttpRequest& request);

// Of the body, as its Content-Length says; 0 where there is none.
uint64_t declared_length(const HttpRequest& request);

// 413
ApiError body_too_long(uint64_t max_bytes);

// For logs: control characters and bytes beyond ASCII as \xNN, cut at 256 characters.
std::string printable(std::string_view s);

}  // namespace hearth::api
