#include "api/status_routes.h"

#include <fmt/format.h>

#include "api/error_response.h"
#include "api/json.h"

namespace hearth::api {
namespace {

constexpr std::string_view kWelcome = R"(Hearth is running.

Models:  GET /v1/models
Chat:    POST /v1/chat/completions
Text:    POST /v1/completions
Health:  GET /health

Any OpenAI client works with this address and /v1 as its base URL, any Ollama client with this address
alone. It needs a key only where other machines can reach the server: hearth key add NAME makes one.

The chat page is not part of this build. Building again where Node and npm are installed and packages can be
fetched (./run does both) puts it here.
)";

// What programs that look for Ollama compare with, to the letter.
constexpr std::string_view kOllamaWelcome = "Ollama is running";

// 503 as for an error, with what is loaded and how far that is.
HttpResponse still_loading(const Readiness::Loading& loading) {
  ApiError error = http_error(503, fmt::format("loading {}", loading.model));
  error.code = "loading";
  error.retry_after_seconds = 1;
  Json json = Json::parse(error_json(error));
  json["status"] = "loading";
  json["model"] = loading.model;
  json["loaded_bytes"] = loading.done_bytes;
  json["total_bytes"] = loading.total_bytes;
  return error_reply(error, dump(json));
}

Task<void> health(const serving::GenerationService& service, const Readiness* readiness,
                  ResponseWriter& writer) {
  if (const auto loading = readiness == nullptr ? std::nullopt : readiness->loading()) {
    co_await writer.send(still_loading(*loading));
    co_return;
  }
  std::string why;
  if (!service.healthy(&why)) {
    ApiError error = http_error(503, why.empty() ? "not able to answer" : why);
    error.retry_after_seconds = 1;
    co_await writer.fail(error);
    co_return;
  }
  HttpResponse response;
  response.body = dump(Json{{"status", "ok"}});
  co_await writer.send(std::move(response));
}

// Browsers say that they take HTML, and with what a page of theirs loads by itself, whose it is. Programs do
// neither.
bool is_browser(const HttpRequest& request) {
  return request.header("accept").find("text/html") != std::string_view::npos ||
         !request.header("sec-fetch-site").empty();
}

Task<void> welcome(const HttpRequest& request, ResponseWriter& writer) {
  HttpResponse response;
  response.content_type = "text/plain; charset=utf-8";
  response.headers.emplace_back("Content-Security-Policy", "default-src 'none'");
  response.headers.emplace_back("Vary", "Accept");
  response.body = is_browser(request) ? kWelcome : kOllamaWelcome;
  co_await writer.send(std::move(response));
}

}  // namespace

void add_status_routes(Router& router, const serving::GenerationService& service,
                       std::shared_ptr<const Readiness> readiness, Handler page) {
  for (const char* path : {"/health", "/v1/health"}) {
    router.add("GET", path, Scope::kOpen, [&service, readiness](const HttpRequest&, ResponseWriter& writer) {
      return health(service, readiness.get(), writer);
    });
  }
  router.add("GET", "/", Scope::kOpen,
             [page = std::move(page)](const HttpRequest& request, ResponseWriter& writer) {
               return page && is_browser(request) ? page(request, writer) : welcome(request, writer);
             });
}

}  // namespace hearth::api
