#include "api/openai/models.h"

#include "api/generation_reply.h"
#include "api/json.h"

namespace hearth::api::openai {
namespace {

Json model_json(const serving::ModelSummary& model) {
  Json meta = Json::object();
  meta["architecture"] = model.architecture;
  meta["context_length"] = model.context_length;
  meta["parameters"] = model.n_parameters;
  meta["quantization"] = model.quantisation;
  meta["size_bytes"] = model.size_bytes;
  meta["n_ctx"] = model.context_length;  // as llama-server names them
  meta["n_params"] = model.n_parameters;
  meta["size"] = model.size_bytes;
  meta["loaded"] = model.loaded;
  Json json = Json::object();
  json["id"] = model.name;
  json["object"] = "model";
  json["created"] = model.modified_unix_seconds;
  json["owned_by"] = "library";
  json["context_length"] = model.context_length;  // under the two names that other servers have for it
  json["max_model_len"] = model.context_length;
  json["capabilities"] = capabilities_json(model.capabilities);
  json["status"] = Json{{"value", model.loaded ? "loaded" : "unloaded"}};
  json["meta"] = std::move(meta);
  return json;
}

}  // namespace

HttpResponse models_response(const serving::GenerationService& service) {
  Json list = Json::array();
  for (const serving::ModelSummary& model : service.list_models()) list.push_back(model_json(model));
  Json json = Json::object();
  json["object"] = "list";
  json["data"] = std::move(list);
  HttpResponse response;
  response.body = dump(json);
  return response;
}

HttpResponse model_response(serving::GenerationService& service, std::string_view id) {
  const Parsed<serving::ModelSummary> model = find_model(service, std::string(id));
  if (!model) return error_response(model.error());
  HttpResponse response;
  response.body = dump(model_json(*model));
  return response;
}

}  // namespace hearth::api::openai
