#include "api/page/page.h"

#include "api/page/answer_routes.h"
#include "api/page/page_router.h"

namespace hearth::api::page {
namespace {

// What the page has to know before it shows anything.
Json config_json(const serving::GenerationService& service, const PageOptions& options) {
  const std::string model = default_model(service);
  return Json{{"version", options.version}, {"default_model", model.empty() ? Json() : Json(model)}};
}

// What all chats get where the disk does not take them.
void refuse_chats(PageRouter& routes, const std::string& why) {
  ApiError error = http_error(503, "chats cannot be kept: " + why);
  error.code = "no_storage";
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
    routes.add(method, "/page/*", Scope::kChat,
               [error](const HttpRequest&, ResponseWriter& writer) { return writer.fail(error); });
  }
}

}  // namespace

Page::Page(serving::GenerationService& service, PageOptions options)
    : service_(service), options_(std::move(options)) {
  if (options_.chats != nullptr)
    answers_.emplace(service_, *options_.chats, disk_, events_, options_.answers);
}

Page::~Page() {
  end_answers();
}

void Page::end_answers() {
  if (answers_) answers_->end_all();
}

void Page::add_routes(Router& router) {
  PageRouter routes(router);
  routes.add("GET", "/page/config", Scope::kOpen,
             [this](const HttpRequest&, ResponseWriter& writer) -> Task<void> {
               const Json json = co_await words_.run([this] { return config_json(service_, options_); });
               co_await writer.send(json_reply(json));
             });
  if (!answers_) {
    refuse_chats(routes, options_.why_no_chats);
    return;
  }
  add_answer_routes(routes, {service_, *options_.chats, *answers_, events_, disk_, words_, nullptr});
}

}  // namespace hearth::api::page
