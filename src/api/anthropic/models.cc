#include "api/anthropic/models.h"

#include <fmt/chrono.h>

#include "api/anthropic/errors.h"
#include "api/generation_reply.h"
#include "api/json.h"

namespace hearth::api::anthropic {
namespace {

Json model_json(const serving::ModelSummary& model) {
  Json json = Json::object();
  json["type"] = "model";
  json["id"] = model.name;
  json["display_name"] = model.name;
  json["created_at"] = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(model.modified_unix_seconds));
  json["max_input_tokens"] = model.context_length;
  json["max_tokens"] = model.context_length;
  return json;
}

}  // namespace

HttpResponse models_response(const serving::GenerationService& service) {
  Json list = Json::array();
  for (const serving::ModelSummary& model : service.list_models()) list.push_back(model_json(model));
  Json json = Json::object();
  json["first_id"] = list.empty() ? Json(nullptr) : list.front()["id"];
  json["last_id"] = list.empty() ? Json(nullptr) : list.back()["id"];
  json["has_more"] = false;
  json["data"] = std::move(list);
  HttpResponse response;
  response.body = dump(json);
  return response;
}

HttpResponse model_response(serving::GenerationService& service, std::string_view id,
                            const HttpRequest& request) {
  const Parsed<serving::ModelSummary> model = find_model(service, std::string(id));
  if (!model) return error_response(model.error(), request);
  HttpResponse response;
  response.body = dump(model_json(*model));
  return response;
}

}  // namespace hearth::api::anthropic
