#include "api/page/page.h"

#include "api/page/answer_routes.h"
#include "api/page/chat_routes.h"
#include "api/page/page_router.h"
#include "api/page/session_routes.h"
#include "api/page/status_route.h"

namespace hearth::api::page {
namespace {

// What the page has to know before it shows anything.
Json config_json(const serving::GenerationService& service, const PageOptions& options) {
  const std::string model = default_model(service);
  return Json{{"version", options.version},
              {"default_model", model.empty() ? Json() : Json(model)},
              {"needs_key", options.doorkeeper && options.doorkeeper->keys_required()}};
}

// As if the client had waited for all of the answer.
int http_status(store::MessageStatus status) {
  switch (status) {
    case store::MessageStatus::kFailed:
      return 500;
    case store::MessageStatus::kStopped:
      return 499;
    case store::MessageStatus::kInterrupted:
      return 503;
    case store::MessageStatus::kComplete:
    case store::MessageStatus::kRunning:
      break;
  }
  return 200;
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
  if (options_.measure_fit) fit_.emplace(options_.measure_fit);
  if (options_.chats == nullptr) return;
  LiveAnswerOptions answers = options_.answers;
  answers.on_end = [this](const store::Message& message, double duration_ms, const RequestNotes& notes) {
    AccessRecord record;
    record.request_id = message.id;
    record.method = "POST";
    record.status = http_status(message.status);
    record.duration_ms = duration_ms;
    record.notes = notes;
    requests_.add(record);
  };
  answers_.emplace(service_, *options_.chats, disk_, events_, std::move(answers));
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
  if (options_.doorkeeper) add_session_routes(routes, options_.doorkeeper);
  std::function<std::optional<double>()> read_limit;
  if (fit_) {
    add_fit_route(routes, *fit_);
    read_limit = [this] { return fit_->read_bytes_per_second(); };
  }
  add_status_route(routes,
                   {service_, options_.metrics.get(), requests_, std::move(read_limit), options_.version});
  if (!answers_) {
    refuse_chats(routes, options_.why_no_chats);
    return;
  }
  add_chat_routes(routes, {*options_.chats, events_, disk_, words_});
  std::function<bool(const std::string&)> welcome;
  if (options_.doorkeeper) {
    welcome = [doorkeeper = options_.doorkeeper](const std::string& owner) {
      return doorkeeper->still_welcome(owner);
    };
  }
  add_answer_routes(routes,
                    {service_, *options_.chats, *answers_, events_, disk_, words_, std::move(welcome)});
}

}  // namespace hearth::api::page
