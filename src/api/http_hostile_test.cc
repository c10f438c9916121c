// Bytes that no honest client sends: the server stays up, says what is wrong where it can, and closes.
#include "api/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "api/testing/http_client.h"

namespace hearth::api {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::Client;
using testing::FakeService;
using testing::get;
using ::testing::HasSubstr;
using testing::post;
using testing::Reply;
using testing::RunningServer;

class HostileInputTest : public ::testing::Test {
 protected:
  FakeService service_;
};

TEST_F(HostileInputTest, NoiseGetsA400OrIsClosed) {
  RunningServer server(service_);
  const std::string tls_hello("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
  const std::string noises[] = {
      tls_hello + std::string(500, '\xaa'),
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "GET / HTTP/3.7\r\n\r\n",
      "GET /\r\n\r\n",
      "hello\n\nworld\n",
      std::string(100, '\0'),
      "GET / HTTP/1.1\nHost: localhost\n\n",
      std::string("GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n", 37),
      std::string("GET / HTTP/1.1\r\nHost: local\0host\r\n\r\n", 37),
      "GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
      "GET / HTTP/1.1\r\n : x\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n",
      "GET / HTTP/1.1\r\n Host: localhost\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: localhost\r\nX: a\nY: b\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET / HTTP/1.1 \r\nHost: localhost\r\n\r\n",
      "GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "G@T / HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET / http/1.1\r\nHost: localhost\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: localhost\r\nX\x01: y\r\n\r\n",
  };
  for (const std::string& noise : noises) {
    const Reply reply = server.ask(noise);
    EXPECT_EQ(reply.status, 400) << noise;
    EXPECT_EQ(reply.header("Connection"), "close") << noise;
  }
  EXPECT_EQ(server.ask(get("/health")).status, 200);
}

TEST_F(HostileInputTest, EveryCutOfARequestLeavesTheServerUp) {
  RunningServer server(service_);
  const std::string request =
      post("/v1/chat/completions", R"({"messages":[{"role":"user","content":"hi"}]})");
  for (size_t n = 0; n < request.size(); n += 3) {
    Client client = server.connect();
    client.send(request.substr(0, n));
    client.half_close();
    client.receive();
  }
  EXPECT_EQ(server.ask(request).status, 200);
}

TEST_F(HostileInputTest, HeaderLimits) {
  RunningServer server(service_);
  std::string many;
  for (int i = 0; i < 98; ++i) many += fmt::format("X-{}: y\r\n", i);
  EXPECT_EQ(server.ask(get("/health", many)).status, 200) << "99 fields";
  EXPECT_EQ(server.ask(get("/health", many + "A: b\r\nB: c\r\n")).status, 431) << "101 fields";
  EXPECT_EQ(server.ask(get("/health", "Big: " + std::string(15'000, 'x') + "\r\n")).status, 200);
  EXPECT_EQ(server.ask(get("/health", "Big: " + std::string(17'000, 'x') + "\r\n")).status, 431);
  EXPECT_EQ(server.ask(get("/health?" + std::string(8'000, 'x'))).status, 200);
  EXPECT_EQ(server.ask(get("/health?" + std::string(8'200, 'x'))).status, 414);
}

TEST_F(HostileInputTest, BodiesBeyondTheLimitAre413) {
  HttpServerOptions options;
  options.limits.max_body_bytes = 1000;
  RunningServer server(service_, options);
  const std::string chunk = fmt::format("{:x}\r\n{}\r\n", 600, std::string(600, ' '));
  const std::string chunked =
      "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(server.ask(post("/v1/completions", std::string(1000, ' '))).status, 400)
      << "at the limit: not JSON";
  EXPECT_EQ(server.ask(post("/v1/completions", std::string(1001, ' '))).status, 413);
  EXPECT_EQ(server.ask(post("/v1/completions", std::string(9'000'000, ' '))).status, 413)
      << "read to the end";
  EXPECT_EQ(server.ask(chunked + chunk + "0\r\n\r\n").status, 400);
  EXPECT_EQ(server.ask(chunked + chunk + chunk + "0\r\n\r\n").status, 413);
  const Reply huge =
      server.ask("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000000\r\n\r\n");
  EXPECT_EQ(huge.status, 413);
  EXPECT_THAT(huge.body, HasSubstr("longer than 1000 bytes"));
}

TEST_F(HostileInputTest, AmbiguousFramingIsRefused) {
  RunningServer server(service_);
  for (const char* headers : {
           "Content-Length: 2\r\nContent-Length: 2\r\n",
           "Content-Length: 2\r\nContent-Length: 3\r\n",
           "Content-Length: 2, 2\r\n",
           "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: gzip, chunked\r\n",
           "Transfer-Encoding: identity\r\n",
           "Content-Length: -1\r\n",
           "Content-Length: +2\r\n",
           "Content-Length: 0x2\r\n",
           "Content-Length: 99999999999999999999999\r\n",
       }) {
    const Reply reply =
        server.ask(fmt::format("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n{}\r\n{{}}", headers));
    EXPECT_EQ(reply.status, 400) << headers;
    EXPECT_EQ(reply.header("Connection"), "close") << headers;
  }
  EXPECT_EQ(server.ask("POST /v1/completions HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").status,
            400);
}

TEST_F(HostileInputTest, BrokenChunksAreRefused) {
  RunningServer server(service_);
  for (const char* body : {"zz\r\n", "-1\r\n", "2\r\nabc\r\n0\r\n\r\n", "ffffffffffffffffff\r\n"}) {
    const Reply reply = server.ask(fmt::format(
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{}", body));
    EXPECT_THAT(reply.status, ::testing::AnyOf(400, 413)) << body;
  }
}

TEST_F(HostileInputTest, PathTricks) {
  RunningServer server(service_);
  EXPECT_EQ(server.ask(get("/%68ealth")).status, 200);
  for (const char* path :
       {"/../etc/passwd", "/v1/../health", "/%2e%2e/health", "/%252e", "/v1\\models", "//health"}) {
    EXPECT_EQ(server.ask(get(path)).status, 404) << path;
  }
  for (const char* path : {"/%00", "/%", "/%4", "/%zz", "health", "*", "?x"}) {
    EXPECT_EQ(server.ask(get(path)).status, 400) << path;
  }
}

TEST_F(HostileInputTest, SlowHeadersAndBodiesGet408) {
  HttpServerOptions options;
  options.limits.header_timeout = milliseconds(150);
  options.limits.body_grace = milliseconds(150);
  RunningServer server(service_, options);
  const auto begin = steady_clock::now();
  EXPECT_EQ(server.ask("GET / HTTP/1.1\r\nHost:").status, 408);
  EXPECT_EQ(
      server.ask("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{").status,
      408);
  EXPECT_LT(steady_clock::now() - begin, milliseconds(2000));

  Client dripping = server.connect();
  dripping.send("GET / HTTP/1.1\r\n");
  for (int i = 0; i < 10; ++i) {
    dripping.send("X: y\r\n");
    std::this_thread::sleep_for(milliseconds(30));
  }
  EXPECT_EQ(dripping.receive().status, 408) << "the deadline is for the whole head";
}

TEST_F(HostileInputTest, MediaTypes) {
  RunningServer server(service_);
  auto status = [&](std::string_view headers) {
    return server
        .ask(fmt::format("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n{}Content-Length: 14\r\n\r\n{}",
                         headers, R"({"prompt":"a"})"))
        .status;
  };
  EXPECT_EQ(status(""), 200);
  EXPECT_EQ(status("Content-Type: Application/JSON; charset=utf-8\r\n"), 200);
  EXPECT_EQ(status("Content-Type: application/x-www-form-urlencoded\r\n"), 200) << "curl -d";
  EXPECT_EQ(status("Content-Type: text/plain\r\n"), 415);
  EXPECT_EQ(status("Content-Type: multipart/form-data; boundary=x\r\n"), 415);
  for (const char* coding : {"br", "deflate", "compress", "gzip, gzip", "zstd, gzip", "*", ";"}) {
    EXPECT_EQ(status(fmt::format("Content-Encoding: {}\r\n", coding)), 415) << coding;
  }
  EXPECT_EQ(status("Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n"), 415);
  EXPECT_EQ(status("Content-Encoding: Identity\r\n"), 200);
  EXPECT_EQ(status("Content-Encoding: gzip\r\n"), 400) << "it is not";
}

TEST_F(HostileInputTest, ManyIdleConnectionsDoNotBlockOthers) {
  RunningServer server(service_);
  std::vector<Client> idle;
  for (int i = 0; i < 200; ++i) {
    idle.push_back(server.connect());
    ASSERT_TRUE(idle.back().connected());
  }
  EXPECT_EQ(server.ask(get("/health")).status, 200);
  for (Client& client : idle) {
    client.send(get("/health"));
    EXPECT_EQ(client.receive().status, 200);
  }
}

TEST_F(HostileInputTest, RefusesConnectionsBeyondTheCap) {
  HttpServerOptions options;
  options.limits.max_connections = 2;
  RunningServer server(service_, options);
  Client first = server.connect();
  {
    Client second = server.connect();
    second.send(get("/health"));
    EXPECT_EQ(second.receive().status, 200);
    EXPECT_EQ(server.connect().receive().status, 503);
  }
  Reply reply;
  for (int i = 0; i < 100 && reply.status != 200; ++i) {
    reply = server.ask(get("/health"));
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_EQ(reply.status, 200) << "a place is free again";
}

// What one reader takes for a second request must not be in what another takes for the body of the first.
TEST_F(HostileInputTest, NothingIsSmuggledBehindARefusedRequest) {
  RunningServer server(service_);
  const std::string inner = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
  for (const char* headers : {
           "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: xchunked\r\n",
           "Transfer-Encoding : chunked\r\n",
           "Transfer-Encoding: chunked, identity\r\n",
           "Transfer-Encoding:\r\n chunked\r\n",
           "Content-Length: 0\r\nContent-Length: 44\r\n",
           "Content-Length: 0,44\r\n",
           "Content-Length:\r\n",
           "Content-Length: 4 4\r\n",
           "Content-Length: 1e1\r\n",
           "X: y\r\n\tContent-Length: 4\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n",
       }) {
    Client client = server.connect();
    client.send(
        fmt::format("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n{}\r\n0\r\n\r\n{}", headers, inner));
    const Reply first = client.receive();
    EXPECT_EQ(first.status, 400) << headers;
    EXPECT_EQ(first.header("Connection"), "close") << headers;
    EXPECT_EQ(client.receive_some(), "") << "the rest is not read as a request: " << headers;
  }
}

TEST_F(HostileInputTest, ARefusedRequestEndsItsConnectionWithTheRestUnread) {
  RunningServer server(service_);
  Client client = server.connect();
  client.send(post("/v1/none", get("/health")) + get("/health"));
  EXPECT_EQ(client.receive().status, 404);
  EXPECT_EQ(client.receive_some(), "");
}

TEST_F(HostileInputTest, EndlessChunksAndTrailersAreCut) {
  HttpServerOptions options;
  options.limits.max_body_bytes = 100'000;
  options.limits.body_grace = milliseconds(500);
  RunningServer server(service_, options);
  const std::string head =
      "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::string chunks = head;
  for (int i = 0; i < 300; ++i) chunks += fmt::format("{:x}\r\n{}\r\n", 1000, std::string(1000, ' '));
  EXPECT_EQ(server.ask(chunks).status, 413);
  std::string trailers = head + "0\r\n";
  for (int i = 0; i < 30'000; ++i) trailers += fmt::format("T{}: x\r\n", i);
  EXPECT_THAT(server.ask(trailers).status, ::testing::AnyOf(400, 408, 431));
  EXPECT_THAT(server.ask(head + std::string(600'000, '1')).status, ::testing::AnyOf(400, 408, 413));
  EXPECT_THAT(server.ask(head + "2;" + std::string(600'000, 'e')).status,
              ::testing::AnyOf(400, 408, 413, 431));
  EXPECT_EQ(server.ask(get("/health")).status, 200);
}

TEST_F(HostileInputTest, TenThousandHeadersAndAGiantLine) {
  RunningServer server(service_);
  std::string many;
  for (int i = 0; i < 10'000; ++i) many += fmt::format("X-{}: y\r\n", i);
  EXPECT_EQ(server.ask(get("/health", many)).status, 431);
  EXPECT_THAT(server.ask("GET /" + std::string(1'000'000, 'a')).status, ::testing::AnyOf(414, 431));
  EXPECT_EQ(server.ask("GET /health HTTP/1.1\r\nHost: localhost\r\n" + std::string(1'000'000, 'a')).status,
            431);
}

TEST_F(HostileInputTest, OtherMethodsAndUpgradesAreOrdinaryRequests) {
  RunningServer server(service_);
  for (const char* method : {"TRACE", "CONNECT", "PATCH", "PROPFIND", "DELETE", "get"}) {
    const int status =
        server.ask(fmt::format("{} /health HTTP/1.1\r\nHost: localhost\r\n\r\n", method)).status;
    EXPECT_THAT(status, ::testing::AnyOf(400, 405)) << method;
  }
  EXPECT_EQ(server.ask("CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 400);
  EXPECT_THAT(server.ask("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n").status, ::testing::AnyOf(200, 204));
  for (const char* upgrade :
       {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
        "dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
        "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n"}) {
    const Reply reply = server.ask(get("/health", upgrade));
    EXPECT_EQ(reply.status, 200) << upgrade;
    EXPECT_EQ(reply.header("Upgrade"), "") << upgrade;
  }
  EXPECT_EQ(server.ask(get("/health", "Range: bytes=0-0,5-,-1,99999999999999999999-\r\n")).status, 200);
}

TEST_F(HostileInputTest, NoiseIsHarmless) {
  RunningServer server(service_);
  uint64_t state = 88172645463325252ULL;
  auto next = [&] {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  };
  const std::string good = post("/v1/chat/completions", R"({"messages":[{"role":"user","content":"hi"}]})");
  for (int i = 0; i < 200; ++i) {
    std::string noise = good;
    for (uint64_t flips = 1 + next() % 4; flips > 0; --flips)
      noise[next() % noise.size()] = static_cast<char>(next());
    Client client = server.connect();
    client.send(noise);
    client.half_close();
    client.receive();
  }
  EXPECT_EQ(server.ask(good).status, 200);
}

}  // namespace
}  // namespace hearth::api
