#include "api/anthropic/errors.h"

#include "api/json.h"

namespace hearth::api::anthropic {
namespace {

std::string_view type_of(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 503:
      return "overloaded_error";
    default:
      return status < 500 ? "invalid_request_error" : "api_error";
  }
}

}  // namespace

std::string error_json(const ApiError& error, std::string_view request_id) {
  Json inner = Json::object();
  inner["type"] = type_of(error.status);
  inner["message"] = error.message;
  Json json = Json::object();
  json["type"] = "error";
  json["error"] = std::move(inner);
  json["request_id"] = request_id;
  return dump(json);
}

HttpResponse error_response(const ApiError& error, const HttpRequest& request) {
  return error_reply(error, error_json(error, request.id));
}

}  // namespace hearth::api::anthropic
