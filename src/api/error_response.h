// Errors as OpenAI clients expect them: {"error":{"message","type","param","code"}} with a matching status.
#pragma once

#include <string>
#include <string_view>

#include "api/http_types.h"
#include "base/error.h"

namespace hearth::api {

struct ApiError {
  int status = 500;
  std::string type = "server_error";
  std::string message;
  std::string param;            // the field at fault; empty = null
  std::string code;             // empty = null
  int retry_after_seconds = 0;  // 0 = no Retry-After header
};

// 400 invalid_request_error about one field.
ApiError bad_field(std::string field, std::string message);
// A plain HTTP failure: the type follows from the status.
ApiError http_error(int status, std::string message);
// An error of the layers below.
ApiError from_error(const Error& error);

std::string error_json(const ApiError& error);  // the whole object, one line
HttpResponse error_response(const ApiError& error);

// "Not Found"; "Unknown" for a status this server never sends.
std::string_view reason_phrase(int status);

}  // namespace hearth::api
