// An HTTP server on loopback that misbehaves as a test asks it to.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace hearth::registry::testing {

struct ServerRequest {
  std::string method;
  std::string path;                            // with its query
  std::map<std::string, std::string> headers;  // names in lower case
};

struct ServerReply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  size_t cut_after = SIZE_MAX;  // bytes of the body, then the connection ends
};

// A reply to a request for `content` at once or in the part that "range" asks for.
ServerReply serve_content(const ServerRequest& request, const std::string& content);

class ScriptedServer {
 public:
  using Handler = std::function<ServerReply(const ServerRequest&)>;
  // The handler is called on threads of its own, one call at a time.
  explicit ScriptedServer(Handler handler);
  ~ScriptedServer();

  std::string host() const;  // "127.0.0.1:PORT"
  std::vector<ServerRequest> requests() const;

 private:
  void accept_all();
  void serve(int socket);

  Handler handler_;
  int listener_;
  uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<ServerRequest> requests_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stopping_ = false;
  std::thread acceptor_;
};

}  // namespace hearth::registry::testing
