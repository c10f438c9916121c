#include "api/model_routes.h"

#include "api/anthropic/models.h"
#include "api/openai/models.h"

namespace hearth::api {
namespace {

// Whether it is Anthropic's.
bool note_dialect(const HttpRequest& request, ResponseWriter& writer) {
  const bool anthropic = !request.header("anthropic-version").empty();
  writer.notes().dialect = anthropic ? "anthropic" : "openai";
  return anthropic;
}

}  // namespace

void add_model_routes(Router& router, serving::GenerationService& service) {
  for (const std::string path : {"/v1/models", "/models"}) {
    router.add("GET", path, Scope::kChat, [&service](const HttpRequest& request, ResponseWriter& writer) {
      const bool anthropic = note_dialect(request, writer);
      return writer.send(anthropic ? anthropic::models_response(service) : openai::models_response(service));
    });
    router.add("GET", path + "/*", Scope::kChat,
               [&service, path](const HttpRequest& request, ResponseWriter& writer) {
                 const std::string_view id = path_rest(request, path + "/");
                 return writer.send(note_dialect(request, writer)
                                        ? anthropic::model_response(service, id, request)
                                        : openai::model_response(service, id));
               });
  }
}

}  // namespace hearth::api
