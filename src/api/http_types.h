// What a route sees of HTTP: plain structs and one writer. No type of the HTTP library passes this header, so
// dialects are written and tested without it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hearth::api {

// A coroutine of an I/O thread.
template <typename T>
using Task = boost::asio::awaitable<T>;

using Headers = std::vector<std::pair<std::string, std::string>>;

class BodySink;  // body_sink.h

struct HttpRequest {
  std::string id;      // of this request, for logs and the X-Request-Id header
  std::string method;  // "GET", upper case as sent
  std::string path;    // percent-decoded, without the query; starts with '/'
  std::string query;   // as sent, without '?'
  Headers headers;     // names in lower case
  std::string body;
  std::shared_ptr<BodySink> sink;  // has taken the body instead, on routes that were added with one
  // Whose key the request came with, as a stable id: what caches may share and what fairness counts by. Empty
  // where no key was asked for or known.
  std::string owner;
  std::string owner_name;  // of that key, for people
  bool secure = false;     // came through TLS, here or at a trusted proxy that says so

  // The value of the first header of that (lower-case) name; empty when absent.
  std::string_view header(std::string_view name) const;
};

struct ApiError;  // error_response.h

struct HttpResponse {
  int status = 200;
  Headers headers;  // beyond those every reply has
  std::string content_type = "application/json";
  std::string body;
};

// What a handler adds to the access log.
struct RequestNotes {
  std::string route;    // the pattern of the route that answered; empty = none
  std::string dialect;  // of that route
  std::string model;
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;  // of the prompt
  int64_t completion_tokens = 0;
  double load_ms = 0;   // of several choices, the longest, as those below
  double queue_ms = 0;
  double prefill_ms = 0;
  double decode_ms = 0;
};

enum class Interruption {
  kNone,
  kDisconnected,  // the client is gone: stop working, nothing can be sent
  kShutdown,      // the server ends: send a last word and return
};

// The reply to one request. Used on the connection's strand only; a handler either calls send() once, or
// begin_stream(), write()*, finish(). Returning without finish() closes the connection, which is how a client
// learns that a stream is incomplete.
class ResponseWriter {
 public:
  virtual ~ResponseWriter() = default;

  virtual Task<void> send(HttpResponse response) = 0;
  virtual Task<void> begin_stream(HttpResponse head) = 0;  // head.body must be empty
  // Returns when the kernel has taken the bytes (backpressure). False: the client is gone.
  virtual Task<bool> write(std::string chunk) = 0;
  virtual Task<void> finish() = 0;
  virtual bool started() const = 0;
  // Like send(), with the error as the dialect of the request's path writes it (Router::set_error_format).
  // For failures before the first byte; in a stream the dialect has its own last event.
  virtual Task<void> fail(ApiError error) = 0;

  // Calls `on_interruption` (on the strand) when the client disconnects or the server ends; at once if that
  // has already happened. nullptr removes it. From the first call on the socket is watched while the handler
  // waits.
  virtual void watch(std::function<void()> on_interruption) = 0;
  virtual Interruption interruption() const = 0;

  virtual boost::asio::any_io_executor executor() = 0;
  virtual RequestNotes& notes() = 0;
};

using Handler = std::function<Task<void>(const HttpRequest&, ResponseWriter&)>;

}  // namespace hearth::api
