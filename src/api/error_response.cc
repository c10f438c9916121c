#include "api/error_response.h"

#include <fmt/format.h>

#include "api/http_status.h"
#include "api/json.h"

namespace hearth::api {

ApiError bad_field(std::string field, std::string message) {
  ApiError error = http_error(400, fmt::format("{}: {}", field, message));
  error.param = std::move(field);
  return error;
}

ApiError http_error(int status, std::string message) {
  ApiError error;
  error.status = status;
  error.message = std::move(message);
  return error;
}

ApiError overloaded(std::string message) {
  ApiError error = http_error(503, std::move(message));
  error.code = "overloaded";
  error.retry_after_seconds = 1;
  return error;
}

ApiError from_error(const Error& error, std::string_view prompt_field) {
  ApiError result = http_error(error_codes(error.category).http_status, error.message);
  switch (error.category) {
    case ErrorCategory::kNotFound:
      result.code = "model_not_found";
      result.param = "model";
      break;
    case ErrorCategory::kContextExceeded:
      result.code = "context_length_exceeded";
      result.param = prompt_field;
      break;
    case ErrorCategory::kQueueFull:
      result.code = "queue_full";
      result.retry_after_seconds = 1;
      break;
    case ErrorCategory::kOverloaded:
      result.code = "overloaded";
      result.retry_after_seconds = 1;
      break;
    default:
      break;
  }
  return result;
}

std::string error_json(const ApiError& error) {
  auto or_null = [](const std::string& s) { return s.empty() ? Json(nullptr) : Json(s); };
  Json body = Json::object();
  body["message"] = error.message;
  body["type"] = status_words(error.status).openai_type;
  body["param"] = or_null(error.param);
  body["code"] = or_null(error.code);
  return dump(Json{{"error", std::move(body)}});
}

HttpResponse error_reply(const ApiError& error, std::string body) {
  HttpResponse response;
  response.status = error.status;
  response.body = std::move(body);
  if (error.retry_after_seconds > 0) {
    response.headers.emplace_back("Retry-After", std::to_string(error.retry_after_seconds));
  }
  if (error.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

HttpResponse error_response(const ApiError& error) {
  return error_reply(error, error_json(error));
}

}  // namespace hearth::api
