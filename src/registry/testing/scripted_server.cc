#include "registry/testing/scripted_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/result.h"

namespace hearth::registry::testing {

ServerReply serve_content(const ServerRequest& request, const std::string& content) {
  ServerReply reply;
  const auto range = request.headers.find("range");
  if (range == request.headers.end()) {
    reply.body = content;
    return reply;
  }
  size_t first = 0, last = 0;
  if (std::sscanf(range->second.c_str(), "bytes=%zu-%zu", &first, &last) != 2) std::abort();
  last = std::min(last, content.size() - 1);
  reply.status = 206;
  reply.headers = {{"Content-Range", fmt::format("bytes {}-{}/{}", first, last, content.size())}};
  reply.body = content.substr(first, last - first + 1);
  return reply;
}

ScriptedServer::ScriptedServer(Handler handler) : handler_(std::move(handler)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 64) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::perror("scripted server");
    std::abort();
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

ScriptedServer::~ScriptedServer() {
  stopping_ = true;
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  close(listener_);
  for (std::thread& thread : threads_) thread.join();
}

std::string ScriptedServer::host() const {
  return fmt::format("127.0.0.1:{}", port_);
}

std::vector<ServerRequest> ScriptedServer::requests() const {
  std::lock_guard lock(mutex_);
  return requests_;
}

void ScriptedServer::accept_all() {
  while (!stopping_) {
    const int socket = accept(listener_, nullptr, nullptr);
    if (socket < 0) continue;
    threads_.emplace_back([this, socket] { serve(socket); });
  }
}

// One request a connection.
void ScriptedServer::serve(int socket) {
  std::string text;
  char buffer[4096];
  while (text.find("\r\n\r\n") == std::string::npos) {
    const ssize_t n = recv(socket, buffer, sizeof buffer, 0);
    if (n <= 0) {
      close(socket);
      return;
    }
    text.append(buffer, static_cast<size_t>(n));
  }
  ServerRequest request;
  request.method = text.substr(0, text.find(' '));
  request.path = text.substr(request.method.size() + 1);
  request.path = request.path.substr(0, request.path.find(' '));
  for (size_t at = text.find("\r\n") + 2; text.compare(at, 2, "\r\n") != 0;) {
    const size_t end = text.find("\r\n", at);
    const std::string line = text.substr(at, end - at);
    std::string name = line.substr(0, line.find(':'));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return static_cast<char>(std::tolower(c)); });
    request.headers[name] = line.substr(line.find(": ") + 2);
    at = end + 2;
  }
  // An unread body would make the kernel send a reset, which can overtake the reply.
  size_t left = static_cast<size_t>(std::atoll(request.headers["content-length"].c_str()));
  left -= std::min(left, text.size() - text.find("\r\n\r\n") - 4);
  while (left > 0) {
    const ssize_t n = recv(socket, buffer, std::min(left, sizeof buffer), 0);
    if (n <= 0) break;
    left -= static_cast<size_t>(n);
  }
  ServerReply reply;
  {
    std::lock_guard lock(mutex_);
    requests_.push_back(request);
    reply = handler_(request);
  }
  std::string head = fmt::format("HTTP/1.1 {} Status\r\nConnection: close\r\n", reply.status);
  bool has_length = false;
  for (const auto& [name, value] : reply.headers) {
    head += name + ": " + value + "\r\n";
    has_length = has_length || name == "Content-Length";
  }
  if (!has_length) head += fmt::format("Content-Length: {}\r\n", reply.body.size());
  head += "\r\n";
  if (request.method != "HEAD") head += reply.body.substr(0, reply.cut_after);
  for (std::string_view rest = head; !rest.empty();) {
    const ssize_t n = send(socket, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n <= 0) break;
    rest.remove_prefix(static_cast<size_t>(n));
  }
  close(socket);
}

}  // namespace hearth::registry::testing
