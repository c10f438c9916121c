// A blocking client on a bare socket, so that tests decide every byte; and a server in a thread to talk to.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "api/http_server.h"
#include "api/testing/fake_service.h"

namespace hearth::api::testing {

struct Reply {
  int status = 0;         // 0: the connection ended before a whole head came
  std::string head;       // status line and headers, names as sent
  std::string body;       // chunks joined
  bool complete = false;  // the body ended as its framing promised

  std::string header(std::string_view name) const;
};

class Client {
 public:
  explicit Client(uint16_t port);
  ~Client();
  Client(Client&& other) noexcept;
  Client(const Client&) = delete;

  bool connected() const { return fd_ >= 0; }
  bool send(std::string_view bytes);                  // false: the peer has closed
  Reply receive(bool head_request = false);           // one reply, any framing; waits 10 s at most
  std::string receive_some();                         // what comes next; empty at the end or after 10 s
  std::string receive_until(std::string_view words);  // all up to a block that holds them, or to the end
  void half_close();                                  // sends FIN
  void reset();                                       // closes with RST
  void close();

 private:
  bool fill();

  int fd_ = -1;
  std::string buffer_;
};

// "POST path" with a JSON body and a good Host.
std::string post(std::string_view path, std::string_view body, std::string_view more_headers = {});
std::string get(std::string_view path, std::string_view more_headers = {});

// Serves all routes of `service` on a free port.
class RunningServer {
 public:
  explicit RunningServer(serving::GenerationService& service, HttpServerOptions options = {},
                         int keep_alive_ms = 10'000);
  // Of these routes alone.
  RunningServer(Router router, HttpServerOptions options);
  ~RunningServer();

  uint16_t port() const { return server_->port(); }
  HttpServer& server() { return *server_; }
  Client connect() const { return Client(port()); }
  Reply ask(std::string_view bytes) const;
  void join() { thread_.join(); }
  bool stops_within(int ms);

 private:
  void start(Router router, HttpServerOptions options);

  std::unique_ptr<HttpServer> server_;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

}  // namespace hearth::api::testing
