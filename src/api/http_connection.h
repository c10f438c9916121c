// One client connection: reads requests under limits and deadlines, lets the router answer, writes replies.
// Everything but the thread-safe functions below runs on the connection's strand.
#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>

#include "api/access/doorkeeper.h"
#include "api/access/trusted_proxies.h"
#include "api/body_budget.h"
#include "api/host_policy.h"
#include "api/http_server.h"
#include "api/tls_context.h"

namespace hearth::api {

// What all connections of a server share; outlives them.
struct ConnectionContext {
  HttpServerOptions options;
  Router router;
  HostPolicy policy;
  std::shared_ptr<Doorkeeper> doorkeeper;
  BodyBudget body_budget;
  TrustedProxies proxies{};
  std::unique_ptr<TlsFiles> tls;  // null: plain HTTP. For the thread that accepts.
  std::atomic<bool> stopping = false;
};

class HttpConnection {
 public:
  // Called where connections are accepted. `socket` belongs to a strand of its own. `on_closed` runs once,
  // when the connection is gone.
  static std::shared_ptr<HttpConnection> create(boost::asio::ip::tcp::socket socket,
                                                ConnectionContext& context, std::function<void()> on_closed);
  virtual ~HttpConnection() = default;

  virtual void start() = 0;
  // Thread-safe. Closes now if no request is under way, else after its reply.
  virtual void close_when_idle() = 0;
  // Thread-safe. Tells the running handler that the server ends.
  virtual void interrupt() = 0;
  // Thread-safe. Closes the socket whatever is under way.
  virtual void abort() = 0;
};

}  // namespace hearth::api
