#include "api/testing/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <stdexcept>

#include "api/anthropic/routes.h"
#include "api/llama_server/routes.h"
#include "api/model_routes.h"
#include "api/ollama/routes.h"
#include "api/openai/routes.h"
#include "api/rerank.h"
#include "api/status_routes.h"

namespace hearth::api::testing {

std::string Reply::header(std::string_view name) const {
  const std::string needle = "\r\n" + std::string(name) + ": ";
  const size_t at = head.find(needle);
  if (at == std::string::npos) return {};
  const size_t begin = at + needle.size();
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

Client::Client(uint16_t port) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{10, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) close();
}

Client::~Client() {
  close();
}

Client::Client(Client&& other) noexcept : fd_(other.fd_), buffer_(std::move(other.buffer_)) {
  other.fd_ = -1;
}

bool Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

bool Client::fill() {
  char block[16 * 1024];
  const ssize_t n = ::recv(fd_, block, sizeof block, 0);
  if (n <= 0) return false;
  buffer_.append(block, static_cast<size_t>(n));
  return true;
}

std::string Client::receive_some() {
  if (buffer_.empty()) fill();
  return std::exchange(buffer_, {});
}

std::string Client::receive_until(std::string_view words) {
  while (buffer_.find(words) == std::string::npos && fill()) {
  }
  return std::exchange(buffer_, {});
}

Reply Client::receive(bool head_request) {
  Reply reply;
  size_t end;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return reply;
  }
  reply.head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  reply.status = std::stoi(reply.head.substr(9, 3));
  if (reply.status == 100) return receive(head_request);
  if (head_request || reply.status == 204 || reply.status == 304) {
    reply.complete = true;
    return reply;
  }
  if (const std::string length = reply.header("Content-Length"); !length.empty()) {
    const size_t n = std::stoul(length);
    while (buffer_.size() < n && fill()) {
    }
    reply.complete = buffer_.size() >= n;
    reply.body = buffer_.substr(0, n);
    buffer_.erase(0, n);
    return reply;
  }
  if (reply.header("Transfer-Encoding") != "chunked") {
    while (fill()) {
    }
    reply.body = std::exchange(buffer_, {});
    reply.complete = true;
    return reply;
  }
  for (;;) {
    while ((end = buffer_.find("\r\n")) == std::string::npos) {
      if (!fill()) return reply;
    }
    const size_t n = std::stoul(buffer_.substr(0, end), nullptr, 16);
    while (buffer_.size() < end + 2 + n + 2) {
      if (!fill()) return reply;
    }
    reply.body += buffer_.substr(end + 2, n);
    buffer_.erase(0, end + 2 + n + 2);
    if (n == 0) {
      reply.complete = true;
      return reply;
    }
  }
}

void Client::half_close() {
  ::shutdown(fd_, SHUT_WR);
}

void Client::reset() {
  const linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

void Client::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

std::string post(std::string_view path, std::string_view body, std::string_view more_headers) {
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{}Content-Length: "
      "{}\r\n\r\n{}",
      path, more_headers, body.size(), body);
}

std::string get(std::string_view path, std::string_view more_headers) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", path, more_headers);
}

RunningServer::RunningServer(Router router, HttpServerOptions options) {
  start(std::move(router), std::move(options));
}

RunningServer::RunningServer(serving::GenerationService& service, HttpServerOptions options,
                             int keep_alive_ms) {
  Router router;
  add_status_routes(router, service);
  openai::OpenAiOptions openai;
  openai.keep_alive_interval = std::chrono::milliseconds(keep_alive_ms);
  openai::add_openai_routes(router, service, openai);
  llama_server::add_llama_server_routes(router, service, {.keep_alive_interval = openai.keep_alive_interval});
  add_rerank_routes(router, service);
  anthropic::add_anthropic_routes(router, service, {.keep_alive_interval = openai.keep_alive_interval});
  add_model_routes(router, service);
  ollama::OllamaOptions ollama;
  ollama.server_version = "1.2.3";
  ollama.keep_alive_interval = std::chrono::milliseconds(keep_alive_ms);
  ollama::add_ollama_routes(router, service, ollama);
  start(std::move(router), std::move(options));
}

void RunningServer::start(Router router, HttpServerOptions options) {
  options.port = 0;
  auto server = HttpServer::create(std::move(options), std::move(router));
  if (!server) throw std::runtime_error(server.error().message);
  server_ = std::move(*server);
  thread_ = std::thread([this] {
    server_->run();
    ended_ = true;
  });
}

RunningServer::~RunningServer() {
  server_->stop(std::chrono::milliseconds(0));
  if (thread_.joinable()) thread_.join();
}

Reply RunningServer::ask(std::string_view bytes) const {
  Client client = connect();
  client.send(bytes);
  return client.receive();
}

bool RunningServer::stops_within(int ms) {
  for (int waited = 0; waited < ms && !ended_; waited += 5)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return ended_;
}

}  // namespace hearth::api::testing
