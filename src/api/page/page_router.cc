#include "api/page/page_router.h"

#include <optional>
#include <utility>

#include "api/request_head.h"

namespace hearth::api::page {
namespace {

std::string_view code_of(const ApiError& error) {
  if (!error.code.empty()) return error.code;
  switch (error.status) {
    case 401:
      return "key_needed";
    case 403:
      return "forbidden";
    case 404:
      return "not_found";
    case 405:
      return "method_not_allowed";
    case 409:
      return "conflict";
    case 413:
      return "too_large";
    case 415:
      return "media_type";
    case 429:
      return "too_many_requests";
    case 503:
      return "unavailable";
    default:
      return error.status < 500 ? "bad_request" : "internal";
  }
}

// What people wrote stays in no cache, and no page of another origin can take it in as a picture or a script.
void keep_private(HttpResponse& response) {
  response.headers.emplace_back("Cache-Control", "no-store");
  response.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
}

HttpResponse reply(const ApiError& error, Json detail) {
  Json json = Json{{"code", code_of(error)}, {"message", error.message}};
  if (!error.param.empty()) json["field"] = error.param;
  if (!detail.is_null()) json["detail"] = std::move(detail);
  HttpResponse response = error_reply(error, dump(Json{{"error", std::move(json)}}));
  keep_private(response);
  return response;
}

ApiError forbidden(std::string code, std::string message) {
  ApiError error = http_error(403, std::move(message));
  error.code = std::move(code);
  return error;
}

bool is_safe(const HttpRequest& request) {
  return request.method == "GET" || request.method == "HEAD";
}

std::optional<ApiError> refusal_of(const HttpRequest& request) {
  if (!is_own_page(request)) {
    return forbidden("foreign_page", "chats are for this server's own page; nothing was changed");
  }
  if (!is_safe(request) && request.header("x-hearth-page") != "1") {
    return forbidden("page_header", "nothing was changed: such a request needs the header X-Hearth-Page: 1");
  }
  return std::nullopt;
}

}  // namespace

HttpResponse error_format(const ApiError& error, const HttpRequest&) {
  return reply(error, nullptr);
}

HttpResponse error_with_detail(const ApiError& error, Json detail) {
  return reply(error, std::move(detail));
}

ApiError from_store(const Error& error) {
  ApiError result = from_error(error);
  result.param.clear();
  if (error.category == ErrorCategory::kNotFound) result.code = "not_found";
  return result;
}

HttpResponse json_reply(const Json& json, int status) {
  HttpResponse response;
  response.status = status;
  keep_private(response);
  response.body = dump(json);
  return response;
}

HttpResponse no_content() {
  HttpResponse response;
  response.status = 204;
  response.content_type.clear();
  return response;
}

PageRouter::PageRouter(Router& router) : router_(router) {
  router_.set_dialect("page");
  router_.set_error_format("/page", error_format);
}

void PageRouter::add(std::string method, std::string path, Scope scope, Handler handler) {
  router_.add(std::move(method), std::move(path), scope,
              [handler = std::move(handler)](const HttpRequest& request, ResponseWriter& writer) {
                const auto refusal = refusal_of(request);
                return refusal ? writer.fail(*refusal) : handler(request, writer);
              });
}

void PageRouter::add_upload(std::string method, std::string path, Scope scope, OpenSink open,
                            Handler handler) {
  router_.add_upload(
      std::move(method), std::move(path), scope,
      [open = std::move(open)](const HttpRequest& request,
                               std::shared_ptr<BodySink>& sink) -> Task<std::optional<ApiError>> {
        if (auto refusal = refusal_of(request)) co_return refusal;
        co_return co_await open(request, sink);
      },
      std::move(handler));
}

}  // namespace hearth::api::page
