#include "api/http_server.h"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <mutex>
#include <thread>

#include "api/http_connection.h"

namespace hearth::api {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;

// After the grace time: for handlers to write their last event.
constexpr milliseconds kLastWords{1'000};

std::string address_text(const tcp::endpoint& endpoint) {
  const auto address = endpoint.address();
  const std::string host = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
  return host + ":" + std::to_string(endpoint.port());
}

Error bind_error(const tcp::endpoint& endpoint, const error_code& error) {
  std::string advice;
  if (error == asio::error::address_in_use) {
    advice = fmt::format(
        "another program is using it; stop that program (`ss -ltnp 'sport = :{}'` names it) or choose "
        "another port",
        endpoint.port());
  } else if (error == asio::error::access_denied) {
    advice = "ports below 1024 need a privilege; choose a higher port";
  } else if (error == boost::system::errc::address_not_available) {
    advice = "this machine has no such address; `ip addr` lists the ones it has, 0.0.0.0 means all";
  } else {
    advice = error.message();
  }
  return Error{ErrorCategory::kIo, fmt::format("cannot listen on {}: {}", address_text(endpoint), advice)};
}

class Server : public HttpServer {
 public:
  explicit Server(HttpServerOptions options, Router router)
      : context_{options,
                 std::move(router),
                 HostPolicy(hosts_of(options), options.allowed_origins),
                 options.doorkeeper != nullptr
                     ? options.doorkeeper
                     : std::make_shared<Doorkeeper>(options.key_file, options.caller_limits,
                                                    options.on_problem),
                 BodyBudget(options.limits.max_bodies_bytes),
                 TrustedProxies(),
                 nullptr},
        io_(options.n_io_threads),
        control_(asio::make_strand(io_)),
        grace_timer_(control_) {}

  ~Server() override { stop_threads_of_io(); }

  Status listen() {
    const HttpServerOptions& options = context_.options;
    if (!options.tls_certificate.empty()) {
      HEARTH_TRY(context_.tls, TlsFiles::open(options.tls_certificate, options.tls_key, options.on_problem));
    }
    HEARTH_TRY(context_.proxies, TrustedProxies::parse(options.trusted_proxies));
    HEARTH_TRY(auto endpoints, resolve());
    for (const tcp::endpoint& endpoint : endpoints) {
      auto acceptor = std::make_unique<tcp::acceptor>(control_);
      tcp::endpoint wanted = endpoint;
      // "localhost" is two addresses and they must share a port.
      if (wanted.port() == 0 && !acceptors_.empty()) wanted.port(port_);
      if (auto bound = bind(*acceptor, wanted); !bound) {
        if (acceptors_.empty()) return bound;
        continue;  // the machine may have no IPv6
      }
      if (acceptors_.empty()) {
        error_code ignored;
        const tcp::endpoint local = acceptor->local_endpoint(ignored);
        port_ = local.port();
        url_ = (context_.tls ? "https://" : "http://") + address_text(local);
      }
      acceptors_.push_back(std::move(acceptor));
    }
    return set_key_policy(endpoints);
  }

  uint16_t port() const override { return port_; }
  std::string url() const override { return url_; }
  bool asks_for_keys() const override { return context_.doorkeeper->keys_required(); }

  void run() override {
    for (auto& acceptor : acceptors_) asio::co_spawn(control_, accept_loop(*acceptor), asio::detached);
    std::vector<std::thread> threads;
    const int n_threads = context_.options.n_io_threads;
    threads.reserve(static_cast<size_t>(n_threads));
    for (int i = 0; i < n_threads; ++i) threads.emplace_back([this] { run_io(); });
    for (std::thread& thread : threads) thread.join();
  }

  void stop(milliseconds grace) override {
    asio::post(control_, [this, grace] { stop_on_control(grace); });
  }

 private:
  static std::vector<std::string> hosts_of(const HttpServerOptions& options) {
    std::vector<std::string> hosts = options.allowed_hosts;
    hosts.push_back(options.host);
    return hosts;
  }

  // All who can reach the address count, also through a proxy on this machine: nobody is let in for coming
  // from loopback. Who names a proxy has one, and so others behind it.
  Status set_key_policy(const std::vector<tcp::endpoint>& endpoints) {
    const bool exposed = !context_.proxies.empty() ||
                         std::any_of(endpoints.begin(), endpoints.end(),
                                     [](const tcp::endpoint& e) { return !e.address().is_loopback(); });
    const KeyPolicy policy = context_.options.require_keys;
    if (policy == KeyPolicy::kNever || (policy == KeyPolicy::kWhereExposed && !exposed)) return {};
    context_.doorkeeper->require_keys();
    if (!context_.options.key_file.empty()) HEARTH_CHECK_OK(read_key_file(context_.options.key_file));
    if (context_.doorkeeper->has_usable_key()) return {};
    return fail(ErrorCategory::kInvalidArgument,
                "{}, and there are no keys: make one with `hearth key add NAME`, or let everybody in with "
                "require_keys = \"never\" (--require-keys never)",
                !context_.proxies.empty() ? "a trusted proxy brings requests of other machines"
                : exposed                 ? fmt::format("other machines can reach {}", context_.options.host)
                                          : "keys are to be asked for always");
  }

  Result<std::vector<tcp::endpoint>> resolve() {
    const HttpServerOptions& options = context_.options;
    error_code error;
    std::string_view host = options.host;
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const auto literal = asio::ip::make_address(std::string(host), error);
    if (!error) return std::vector{tcp::endpoint(literal, options.port)};
    tcp::resolver resolver(io_);
    const auto results = resolver.resolve(host, std::to_string(options.port), error);
    std::vector<tcp::endpoint> endpoints;
    for (const auto& result : results) endpoints.push_back(result.endpoint());
    if (error || endpoints.empty()) {
      return fail(ErrorCategory::kInvalidArgument, "host \"{}\" is neither an address nor a known name: {}",
                  options.host, error.message());
    }
    std::stable_sort(endpoints.begin(), endpoints.end(), [](const tcp::endpoint& a, const tcp::endpoint& b) {
      return a.address().is_v4() && !b.address().is_v4();
    });
    endpoints.erase(std::unique(endpoints.begin(), endpoints.end()), endpoints.end());
    return endpoints;
  }

  static Status bind(tcp::acceptor& acceptor, const tcp::endpoint& endpoint) {
    error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error && endpoint.address().is_v6() && !endpoint.address().is_unspecified()) {
      acceptor.set_option(asio::ip::v6_only(true), error);
    }
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
    if (error) return propagate(bind_error(endpoint, error));
    return {};
  }

  void run_io() {
    for (;;) {
      try {
        io_.run();
        return;
      } catch (const std::exception&) {
        // Out of memory inside the I/O layer: that operation's connection is gone, the others go on.
      }
    }
  }

  Task<void> accept_loop(tcp::acceptor& acceptor) {
    asio::steady_timer pause(control_);
    while (acceptor.is_open()) {
      error_code error;
      asio::any_io_executor strand = asio::make_strand(io_);
      tcp::socket socket =
          co_await acceptor.async_accept(strand, asio::redirect_error(asio::use_awaitable, error));
      if (error == asio::error::operation_aborted) co_return;
      if (error) {
        // Usually no descriptors left: wait for connections to end.
        pause.expires_after(milliseconds(100));
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
        continue;
      }
      admit(std::move(socket));
    }
  }

  void admit(tcp::socket socket) {
    error_code error;
    const tcp::endpoint remote = socket.remote_endpoint(error);
    if (error || context_.stopping) return;
    const auto address = remote.address();
    socket.set_option(tcp::no_delay(true), error);
    {
      std::lock_guard lock(mutex_);
      const HttpLimits& limits = context_.options.limits;
      const auto same = per_address_.find(address);
      const bool full = connections_.size() >= limits.max_connections ||
                        (!address.is_loopback() && !context_.proxies.contains(address) &&
                         same != per_address_.end() && same->second >= limits.max_connections_per_address);
      if (full) {
        refuse(socket);
        return;
      }
      ++per_address_[address];
    }
    const uint64_t key = next_key_++;
    auto connection =
        HttpConnection::create(std::move(socket), context_, [this, key, address] { closed(key, address); });
    {
      std::lock_guard lock(mutex_);
      connections_.emplace(key, connection);
    }
    connection->start();
  }

  static void refuse(tcp::socket& socket) {
    static constexpr std::string_view kReply =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: "
        "close\r\n\r\n";
    error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(kReply), ignored);
    socket.shutdown(tcp::socket::shutdown_both, ignored);
  }

  void closed(uint64_t key, const asio::ip::address& address) {
    bool last = false;
    {
      std::lock_guard lock(mutex_);
      connections_.erase(key);
      if (const auto entry = per_address_.find(address);
          entry != per_address_.end() && --entry->second == 0) {
        per_address_.erase(entry);
      }
      last = connections_.empty();
    }
    if (last && context_.stopping) {
      asio::post(control_, [this] { grace_timer_.cancel(); });
    }
  }

  std::vector<std::shared_ptr<HttpConnection>> open_connections() {
    std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<HttpConnection>> open;
    for (const auto& [key, weak] : connections_) {
      if (auto connection = weak.lock()) open.push_back(std::move(connection));
    }
    return open;
  }

  void stop_on_control(milliseconds grace) {
    context_.stopping = true;
    error_code ignored;
    for (auto& acceptor : acceptors_) acceptor->close(ignored);
    const auto open = open_connections();
    if (grace <= milliseconds::zero()) {
      grace_timer_.cancel();
      for (const auto& connection : open) connection->abort();
      return;
    }
    for (const auto& connection : open) connection->close_when_idle();
    if (!open.empty()) asio::co_spawn(control_, end_after(grace), asio::detached);
  }

  Task<void> end_after(milliseconds grace) {
    error_code error;
    grace_timer_.expires_after(grace);  // ends the wait of an earlier call
    co_await grace_timer_.async_wait(asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    for (const auto& connection : open_connections()) connection->interrupt();
    grace_timer_.expires_after(kLastWords);
    co_await grace_timer_.async_wait(asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    for (const auto& connection : open_connections()) connection->abort();
  }

  void stop_threads_of_io() { io_.stop(); }

  // Connections and their handlers are destroyed with io_ at the latest, so what they use comes before it.
  ConnectionContext context_;
  std::mutex mutex_;
  std::map<uint64_t, std::weak_ptr<HttpConnection>> connections_;
  std::map<asio::ip::address, size_t> per_address_;
  std::atomic<uint64_t> next_key_ = 0;
  uint16_t port_ = 0;
  std::string url_;

  asio::io_context io_;
  asio::any_io_executor control_;
  asio::steady_timer grace_timer_;
  std::vector<std::unique_ptr<tcp::acceptor>> acceptors_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::create(HttpServerOptions options, Router router) {
  if (options.n_io_threads < 1 || options.n_io_threads > 64) {
    return fail(ErrorCategory::kInvalidArgument, "I/O threads: {} is not between 1 and 64",
                options.n_io_threads);
  }
  try {
    auto server = std::make_unique<Server>(std::move(options), std::move(router));
    HEARTH_CHECK_OK(server->listen());
    return server;
  } catch (const std::exception& error) {
    return fail(ErrorCategory::kIo, "cannot start the HTTP server: {}", error.what());
  }
}

}  // namespace hearth::api
