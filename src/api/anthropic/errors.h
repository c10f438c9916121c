// Errors as this dialect writes them: {"type":"error","error":{"type","message"},"request_id"}.
#pragma once

#include <string>
#include <string_view>

#include "api/error_response.h"

namespace hearth::api::anthropic {

// The whole object, one line.
std::string error_json(const ApiError& error, std::string_view request_id);

HttpResponse error_response(const ApiError& error, const HttpRequest& request);

}  // namespace hearth::api::anthropic
