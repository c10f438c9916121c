#include "api/anthropic/errors.h"

#include "api/http_status.h"
#include "api/json.h"

namespace hearth::api::anthropic {

std::string error_json(const ApiError& error, std::string_view request_id) {
  Json inner = Json::object();
  inner["type"] = status_words(error.status).anthropic_type;
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
