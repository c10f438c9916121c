#include "api/router.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/error_response.h"

namespace hearth::api {

void Router::add(std::string method, std::string path, Handler handler) {
  const bool prefix = path.ends_with("/*");
  if (prefix) path.pop_back();
  routes_.push_back(Route{std::move(method), std::move(path), prefix, std::move(handler)});
}

Task<void> Router::handle(const HttpRequest& request, ResponseWriter& writer) const {
  // The best pattern first, then the method among the routes of that pattern.
  const Route* best = nullptr;
  for (const Route& route : routes_) {
    const bool matches = route.prefix
                             ? request.path.size() > route.path.size() && request.path.starts_with(route.path)
                             : request.path == route.path;
    if (!matches) continue;
    const bool better = best == nullptr || (best->prefix && !route.prefix) ||
                        (best->prefix == route.prefix && route.path.size() > best->path.size());
    if (better) best = &route;
  }
  if (best == nullptr) {
    co_await writer.send(error_response(http_error(404, fmt::format("there is no route {}", request.path))));
    co_return;
  }

  const std::string_view wanted = request.method == "HEAD" ? "GET" : std::string_view(request.method);
  const Handler* handler = nullptr;
  std::string allow = "OPTIONS";
  for (const Route& route : routes_) {
    if (route.prefix != best->prefix || route.path != best->path) continue;
    allow += ", " + route.method;
    if (route.method == "GET") allow += ", HEAD";
    if (route.method == wanted) handler = &route.handler;
  }
  if (handler != nullptr) {
    co_await (*handler)(request, writer);
    co_return;
  }
  HttpResponse response;
  if (request.method == "OPTIONS") {
    response.status = 204;
    response.content_type.clear();
  } else {
    response = error_response(http_error(
        405, fmt::format("{} is not allowed on {}; allowed: {}", request.method, request.path, allow)));
  }
  response.headers.emplace_back("Allow", allow);
  co_await writer.send(std::move(response));
}

std::string_view path_rest(const HttpRequest& request, std::string_view prefix) {
  return std::string_view(request.path).substr(std::min(prefix.size(), request.path.size()));
}

}  // namespace hearth::api
