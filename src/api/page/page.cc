#include "api/page/page.h"

#include "api/page/page_router.h"

namespace hearth::api::page {
namespace {

// What the page has to know before it shows anything.
Json config_json(const serving::GenerationService& service, const PageOptions& options) {
  Json json = Json{{"version", options.version}, {"default_model", nullptr}};
  const auto models = service.list_models();
  for (const serving::ModelSummary& model : models) {
    if (!model.capabilities.completion) continue;
    if (json["default_model"].is_null() || model.loaded) json["default_model"] = model.name;
    if (model.loaded) break;
  }
  return json;
}

}  // namespace

void Page::add_routes(Router& router) {
  PageRouter routes(router);
  routes.add("GET", "/page/config", Scope::kOpen,
             [this](const HttpRequest&, ResponseWriter& writer) -> Task<void> {
               const Json json = co_await disk_.run([this] { return config_json(service_, options_); });
               co_await writer.send(json_reply(json));
             });
}

}  // namespace hearth::api::page
