#include "api/router.h"

#include <fmt/format.h>

#include <algorithm>

namespace hearth::api {
namespace {

bool same_pattern(const auto& a, const auto& b) {
  return a.prefix == b.prefix && a.path == b.path;
}

// "/a/{b}/c" against "/a/x/c".
bool segments_match(std::string_view pattern, std::string_view path) {
  while (!pattern.empty() && !path.empty()) {
    const std::string_view wanted = pattern.substr(0, pattern.find('/', 1));
    const std::string_view segment = path.substr(0, path.find('/', 1));
    const bool any = wanted.starts_with("/{") && segment.size() > 1;
    if (!any && wanted != segment) return false;
    pattern.remove_prefix(wanted.size());
    path.remove_prefix(segment.size());
  }
  return pattern.empty() && path.empty();
}

bool at_or_below(std::string_view path, std::string_view prefix) {
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

}  // namespace

bool Router::Route::matches(std::string_view request_path) const {
  if (prefix) return request_path.size() > path.size() && request_path.starts_with(path);
  return segments ? segments_match(path, request_path) : request_path == path;
}

void Router::add(std::string method, std::string path, Scope scope, Handler handler) {
  const bool prefix = path.ends_with("/*");
  if (prefix) path.pop_back();
  const bool segments = !prefix && path.find('{') != std::string::npos;
  routes_.push_back(Route{std::move(method), std::move(path), dialect_, prefix, segments, scope,
                          std::move(handler), nullptr});
}

void Router::add_upload(std::string method, std::string path, Scope scope, OpenSink open, Handler handler) {
  add(std::move(method), std::move(path), scope, std::move(handler));
  routes_.back().open_sink = std::move(open);
}

void Router::set_error_format(std::string prefix, ErrorFormat format) {
  formats_.push_back(Format{std::move(prefix), format});
}

const Router::Route* Router::pattern_of(const HttpRequest& request) const {
  const Route* best = nullptr;
  for (const Route& route : routes_) {
    if (!route.matches(request.path)) continue;
    const bool better = best == nullptr || route.rank() > best->rank() ||
                        (route.rank() == best->rank() && route.path.size() > best->path.size());
    if (better) best = &route;
  }
  return best;
}

const Router::Route* Router::route_of(const HttpRequest& request, const Route& pattern) const {
  const std::string_view wanted = request.method == "HEAD" ? "GET" : std::string_view(request.method);
  const auto found = std::find_if(routes_.begin(), routes_.end(), [&](const Route& route) {
    return same_pattern(route, pattern) && route.method == wanted;
  });
  return found == routes_.end() ? nullptr : &*found;
}

Scope Router::scope_of(const HttpRequest& request) const {
  const Route* pattern = pattern_of(request);
  const Route* route = pattern == nullptr ? nullptr : route_of(request, *pattern);
  return route == nullptr ? Scope::kOpen : route->scope;
}

const OpenSink* Router::sink_of(const HttpRequest& request) const {
  const Route* pattern = pattern_of(request);
  const Route* route = pattern == nullptr ? nullptr : route_of(request, *pattern);
  return route == nullptr || !route->open_sink ? nullptr : &route->open_sink;
}

bool Router::has_handler(const HttpRequest& request) const {
  const Route* pattern = pattern_of(request);
  return pattern != nullptr && route_of(request, *pattern) != nullptr;
}

HttpResponse Router::error(const ApiError& error, const HttpRequest& request) const {
  const Format* best = nullptr;
  for (const Format& format : formats_) {
    const bool better = best == nullptr || format.prefix.size() > best->prefix.size();
    if (better && at_or_below(request.path, format.prefix)) best = &format;
  }
  return best == nullptr ? error_response(error) : best->format(error, request);
}

Task<void> Router::handle(const HttpRequest& request, ResponseWriter& writer) const {
  const Route* pattern = pattern_of(request);
  if (pattern == nullptr) {
    co_await writer.fail(http_error(404, fmt::format("there is no route {}", request.path)));
    co_return;
  }
  if (const Route* route = route_of(request, *pattern); route != nullptr) {
    writer.notes().route = route->path + (route->prefix ? "*" : "");
    writer.notes().dialect = route->dialect;
    co_await route->handler(request, writer);
    co_return;
  }

  std::string allow = "OPTIONS";
  for (const Route& route : routes_) {
    if (!same_pattern(route, *pattern)) continue;
    allow += ", " + route.method;
    if (route.method == "GET") allow += ", HEAD";
  }
  HttpResponse response;
  if (request.method == "OPTIONS") {
    response.status = 204;
    response.content_type.clear();
  } else {
    response = error(http_error(405, fmt::format("{} is not allowed on {}; allowed: {}", request.method,
                                                 request.path, allow)),
                     request);
  }
  response.headers.emplace_back("Allow", allow);
  co_await writer.send(std::move(response));
}

std::string_view path_rest(const HttpRequest& request, std::string_view prefix) {
  return std::string_view(request.path).substr(std::min(prefix.size(), request.path.size()));
}

std::string_view path_segment(const HttpRequest& request, size_t n) {
  std::string_view rest = request.path;
  for (; n > 0 && !rest.empty(); --n) rest.remove_prefix(std::min(rest.size(), rest.find('/', 1)));
  if (rest.empty()) return {};
  rest.remove_prefix(1);
  return rest.substr(0, rest.find('/'));
}

}  // namespace hearth::api
