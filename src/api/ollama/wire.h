// How this dialect writes times and errors.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "api/error_response.h"

namespace hearth::api::ollama {

// "2026-08-21T10:00:00.123456789Z"
std::string rfc3339(std::chrono::system_clock::time_point time);
std::string rfc3339_seconds(int64_t unix_seconds);
std::string rfc3339_now();

int64_t nanoseconds(double ms);

// {"error":"…"}
std::string error_text(const ApiError& error);
// The format of all errors below /api.
HttpResponse error_format(const ApiError& error, const HttpRequest& request);

}  // namespace hearth::api::ollama
