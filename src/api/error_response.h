// What went wrong with a request, whatever its dialect; and how OpenAI clients expect to read it:
// {"error":{"message","type","param","code"}} with a matching status.
//
// Each dialect writes an ApiError in its own shape. It does so in one function of type ErrorFormat, built on
// error_reply(), and names it for its paths with Router::set_error_format(): then failures that are found
// before its handlers run (no such route, no key, a body that is too long) have that shape too. Its handlers
// reply with ResponseWriter::fail(), which calls the same function.
#pragma once

#include <string>
#include <string_view>

#include "api/http_types.h"
#include "base/error.h"

namespace hearth::api {

struct ApiError {
  int status = 500;  // what kind of error it is follows from this (http_status.h)
  std::string message;
  std::string param;            // the field at fault; empty = null
  std::string code;             // empty = null
  int retry_after_seconds = 0;  // 0 = no Retry-After header
};

// 400 invalid_request_error about one field.
ApiError bad_field(std::string field, std::string message);
// A plain HTTP failure.
ApiError http_error(int status, std::string message);
// 503 with Retry-After: it is about this moment, not about the request.
ApiError overloaded(std::string message);
// An error of the layers below. `prompt_field` is what the request calls its prompt, which is at fault where
// it does not fit.
ApiError from_error(const Error& error, std::string_view prompt_field = "messages");

// An error as one dialect writes it. `request` has at least the id; path and headers as far as they were
// read.
using ErrorFormat = HttpResponse (*)(const ApiError& error, const HttpRequest& request);

// The status and the headers that all dialects share (Retry-After, WWW-Authenticate), around a dialect's own
// JSON text.
HttpResponse error_reply(const ApiError& error, std::string body);

// OpenAI's format.
std::string error_json(const ApiError& error);  // the whole object, one line
HttpResponse error_response(const ApiError& error);

}  // namespace hearth::api
