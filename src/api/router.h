// Method and path to handler. Filled once before the server runs, read-only after that.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/body_sink.h"
#include "api/error_response.h"
#include "api/http_types.h"

namespace hearth::api {

// What a caller must be allowed to do. Where keys are asked for, a key has some of these.
enum class Scope {
  kOpen,    // nothing: health, pages, what a probe asks
  kChat,    // to use models: generate, embed, tokenize, list
  kManage,  // to change what the server holds: load, unload, pull, create, delete
};

class Router {
 public:
  // `path` is exact ("/v1/models"), or ends in "/*" and matches one or more characters of rest, slashes
  // included ("/v1/models/*"); the handler takes the rest with path_rest(). Or it has segments in braces,
  // each of which matches one segment that is not empty ("/page/chats/{id}"); path_segment() gives it. Exact
  // routes win, then those with braces; among equals the longest. A GET route also answers HEAD. The handler
  // runs only for callers with `scope`.
  void add(std::string method, std::string path, Scope scope, Handler handler);

  // A route whose bodies go to a sink while they come. `handler` runs when all of it is there.
  void add_upload(std::string method, std::string path, Scope scope, OpenSink open, Handler handler);

  // Routes that are added from here on are of this dialect, as metrics name it.
  void set_dialect(std::string name) { dialect_ = std::move(name); }

  // Errors of requests to `prefix` ("/api") and all paths below it are written by `format`, also those found
  // before there is a handler. The longest prefix wins; elsewhere the format is OpenAI's.
  void set_error_format(std::string prefix, ErrorFormat format);

  // What the route of this request asks for; kOpen where there is none and handle() says so.
  Scope scope_of(const HttpRequest& request) const;
  // Where the body of this request goes; nullptr: into the request.
  const OpenSink* sink_of(const HttpRequest& request) const;
  // False: handle() replies itself.
  bool has_handler(const HttpRequest& request) const;

  HttpResponse error(const ApiError& error, const HttpRequest& request) const;

  // Runs the handler; replies 404, 405 (with Allow) and OPTIONS itself.
  Task<void> handle(const HttpRequest& request, ResponseWriter& writer) const;

 private:
  struct Route {
    std::string method;
    std::string path;  // without the '*'
    std::string dialect;
    bool prefix = false;
    bool segments = false;  // some are in braces
    Scope scope = Scope::kOpen;
    Handler handler;
    OpenSink open_sink;

    bool matches(std::string_view request_path) const;
    int rank() const { return prefix ? 0 : segments ? 1 : 2; }  // the highest wins
  };
  struct Format {
    std::string prefix;
    ErrorFormat format;
  };

  // The best pattern for the path: the first of its routes, whatever their methods.
  const Route* pattern_of(const HttpRequest& request) const;
  // The route of that pattern for the request's method.
  const Route* route_of(const HttpRequest& request, const Route& pattern) const;

  std::string dialect_;
  std::vector<Route> routes_;
  std::vector<Format> formats_;
};

// What a "/*" route's path has after `prefix`.
std::string_view path_rest(const HttpRequest& request, std::string_view prefix);

// The n-th segment of a request's path, from 0; empty where there are fewer.
std::string_view path_segment(const HttpRequest& request, size_t n);

}  // namespace hearth::api
