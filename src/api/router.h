// Method and path to handler. Filled once before the server runs, read-only after that.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/http_types.h"

namespace hearth::api {

class Router {
 public:
  // `path` is exact ("/v1/models"), or ends in "/*" and matches one or more characters of rest, slashes
  // included ("/v1/models/*"); the handler takes the rest with path_rest(). Exact routes win; among the
  // others the longest. A GET route also answers HEAD.
  void add(std::string method, std::string path, Handler handler);

  // Runs the handler; replies 404, 405 (with Allow) and OPTIONS itself.
  Task<void> handle(const HttpRequest& request, ResponseWriter& writer) const;

 private:
  struct Route {
    std::string method;
    std::string path;  // without the '*'
    bool prefix = false;
    Handler handler;
  };
  std::vector<Route> routes_;
};

// What a "/*" route's path has after `prefix`.
std::string_view path_rest(const HttpRequest& request, std::string_view prefix);

}  // namespace hearth::api
