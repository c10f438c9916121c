// An HTTP/1.1 server: a few I/O threads, one coroutine per connection, limits on everything a client
// controls.
//
// Handlers run on the I/O threads and must not block for long; while they wait (for tokens, for a slow
// reader) they hold no thread. A client that goes away is noticed at once (ResponseWriter::watch).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/access/caller_limits.h"
#include "api/access/key_policy.h"
#include "api/http_types.h"
#include "api/router.h"
#include "base/result.h"

namespace hearth::api {

struct HttpLimits {
  size_t max_header_bytes = 16 * 1024;  // request line and header fields
  size_t max_header_fields = 100;
  size_t max_target_bytes = 8 * 1024;
  size_t max_body_bytes = 64 * 1024 * 1024;       // without the chunked coding, inflated
  uint64_t max_upload_bytes = uint64_t{1} << 40;  // of a body that goes to disk while it comes
  size_t max_bodies_bytes = 512 * 1024 * 1024;    // of all requests under way together
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
  std::string key_name;  // whose key it came with; empty without one
  RequestNotes notes;
};

class Doorkeeper;  // access/doorkeeper.h

struct HttpServerOptions {
  std::string host = "127.0.0.1";  // an address, or a name of this machine
  uint16_t port = 11434;           // 0 = any free one
  int n_io_threads = 2;
  HttpLimits limits;
  std::vector<std::string> allowed_hosts;    // further names in Host headers (host_policy.h)
  std::vector<std::string> allowed_origins;  // pages of other sites (host_policy.h)
  KeyPolicy require_keys = KeyPolicy::kWhereExposed;
  std::filesystem::path key_file;  // access/key_file.h; empty = there are no keys
  CallerLimits caller_limits;
  // Of those two, where routes ask it something as well; null: the server makes its own.
  std::shared_ptr<Doorkeeper> doorkeeper;
  std::vector<std::string> trusted_proxies;  // addresses and networks (access/trusted_proxies.h)
  std::filesystem::path tls_certificate;     // tls_context.h; empty = plain HTTP
  std::filesystem::path tls_key;
  std::function<void(const AccessRecord&)> on_access;  // after each request, from the I/O threads
  std::function<void(const Error&)> on_problem;        // what the administrator should see to; likewise
};

class HttpServer {
 public:
  // Binds and listens. kInvalidArgument: bad options, keys that are required and not there, files for TLS
  // that do not serve; kIo: the address is in use or not ours. With what to do.
  static Result<std::unique_ptr<HttpServer>> create(HttpServerOptions options, Router router);

  virtual ~HttpServer() = default;

  virtual uint16_t port() const = 0;
  virtual std::string url() const = 0;  // "http://127.0.0.1:11434", "https://..." with TLS
  virtual bool asks_for_keys() const = 0;

  // Serves until stop(); blocks, with n_io_threads threads of its own.
  virtual void run() = 0;

  // Ends run(): no new connections, idle ones close, replies under way get `grace`; then streams end with an
  // error event and what is still open is closed. A later call with a shorter grace wins; zero closes
  // everything at once. Thread-safe; not from a signal handler.
  virtual void stop(std::chrono::milliseconds grace) = 0;
};

}  // namespace hearth::api
