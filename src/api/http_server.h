// An HTTP/1.1 server: a few I/O threads, one coroutine per connection, limits on everything a client
// controls.
//
// Handlers run on the I/O threads and must not block for long; while they wait (for tokens, for a slow
// reader) they hold no thread. A client that goes away is noticed at once (ResponseWriter::watch).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/http_types.h"
#include "api/router.h"
#include "base/result.h"

namespace hearth::api {

struct HttpLimits {
  size_t max_header_bytes = 16 * 1024;  // request line and header fields
  size_t max_header_fields = 100;
  size_t max_target_bytes = 8 * 1024;
  size_t max_body_bytes = 32 * 1024 * 1024;  // after removing the chunked coding
  size_t max_connections = 4096;
  size_t max_connections_per_address = 1024;  // loopback excepted
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds idle_timeout{75'000};   // between requests of a kept connection
  std::chrono::milliseconds body_grace{10'000};     // a body may take this long, and longer while it keeps up
  size_t min_body_bytes_per_second = 16 * 1024;     // this rate
  std::chrono::milliseconds write_timeout{30'000};  // one write, that is until the client reads on
};

struct AccessRecord {
  std::string request_id;
  std::string remote_address;
  std::string method;  // empty when the request could not be read
  std::string path;    // without the query, control characters escaped
  int status = 0;      // 499: the client left before the reply was complete
  double duration_ms = 0;
  uint64_t sent_bytes = 0;
  RequestNotes notes;
};

struct HttpServerOptions {
  std::string host = "127.0.0.1";  // an address, or a name of this machine
  uint16_t port = 11434;           // 0 = any free one
  int n_io_threads = 2;
  HttpLimits limits;
  std::vector<std::string> allowed_hosts;              // further names in Host headers (host_policy.h)
  std::vector<std::string> allowed_origins;            // pages of other sites; "*" = all
  std::function<void(const AccessRecord&)> on_access;  // after each request, from the I/O threads
};

class HttpServer {
 public:
  // Binds and listens. kInvalidArgument: bad options; kIo: the address is in use or not ours, with what to
  // do.
  static Result<std::unique_ptr<HttpServer>> create(HttpServerOptions options, Router router);

  virtual ~HttpServer() = default;

  virtual uint16_t port() const = 0;
  virtual std::string url() const = 0;  // "http://127.0.0.1:11434"

  // Serves until stop(); blocks, with n_io_threads threads of its own.
  virtual void run() = 0;

  // Ends run(): no new connections, idle ones close, replies under way get `grace`; then streams end with an
  // error event and what is still open is closed. A later call with a shorter grace wins; zero closes
  // everything at once. Thread-safe; not from a signal handler.
  virtual void stop(std::chrono::milliseconds grace) = 0;
};

}  // namespace hearth::api
