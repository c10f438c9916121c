#include "api/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>

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

class HttpServerTest : public ::testing::Test {
 protected:
  FakeService service_;
};

TEST_F(HttpServerTest, AnswersHealthAndTheFrontPage) {
  RunningServer server(service_);
  const Reply health = server.ask(get("/health"));
  EXPECT_EQ(health.status, 200);
  EXPECT_EQ(health.body, R"({"status":"ok"})");
  EXPECT_EQ(health.header("Content-Type"), "application/json");
  EXPECT_THAT(health.header("X-Request-Id"), ::testing::MatchesRegex("req_[a-z2-7]{24}"));
  EXPECT_EQ(server.ask(get("/v1/health")).status, 200);
  EXPECT_THAT(server.ask(get("/")).body, HasSubstr("Hearth is running"));
}

TEST_F(HttpServerTest, HealthSaysWhyNot) {
  service_.sick = "the model's file is damaged";
  RunningServer server(service_);
  const Reply reply = server.ask(get("/health"));
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(
      reply.body,
      R"({"error":{"message":"the model's file is damaged","type":"unavailable_error","param":null,"code":null}})");
}

TEST_F(HttpServerTest, UnknownRoutesAndMethods) {
  RunningServer server(service_);
  const Reply missing = server.ask(get("/v1/nothing"));
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(
      missing.body,
      R"({"error":{"message":"there is no route /v1/nothing","type":"not_found_error","param":null,"code":null}})");
  const Reply wrong = server.ask(get("/v1/chat/completions"));
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.header("Allow"), "OPTIONS, POST");
  EXPECT_THAT(wrong.body, HasSubstr("invalid_request_error"));
  EXPECT_EQ(server.ask("DELETE /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n").header("Allow"),
            "OPTIONS, GET, HEAD");
}

TEST_F(HttpServerTest, HeadHasTheLengthAndNoBody) {
  RunningServer server(service_);
  Client client = server.connect();
  client.send("HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const Reply reply = client.receive(true);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("Content-Length"), "15");
  client.send(get("/health"));
  EXPECT_EQ(client.receive().body, R"({"status":"ok"})") << "no stray body before it";
}

TEST_F(HttpServerTest, KeepsAConnectionForFurtherRequests) {
  RunningServer server(service_);
  Client client = server.connect();
  for (int i = 0; i < 3; ++i) {
    client.send(get("/health"));
    EXPECT_EQ(client.receive().status, 200);
  }
  client.send(get("/health") + get("/nothing") + get("/v1/health"));
  EXPECT_EQ(client.receive().status, 200);
  EXPECT_EQ(client.receive().status, 404);
  EXPECT_EQ(client.receive().status, 200);
  client.send(get("/health", "Connection: close\r\n"));
  const Reply last = client.receive();
  EXPECT_EQ(last.header("Connection"), "close");
  EXPECT_EQ(client.receive_some(), "");
}

TEST_F(HttpServerTest, Http10ClosesByItself) {
  RunningServer server(service_);
  Client client = server.connect();
  client.send("GET /health HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.receive().status, 200);
  EXPECT_EQ(client.receive_some(), "");
}

TEST_F(HttpServerTest, NoiseGetsA400OrIsClosed) {
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
  };
  for (const std::string& noise : noises) {
    const Reply reply = server.ask(noise);
    EXPECT_EQ(reply.status, 400) << noise;
    EXPECT_EQ(reply.header("Connection"), "close") << noise;
  }
  EXPECT_EQ(server.ask(get("/health")).status, 200);
}

TEST_F(HttpServerTest, EveryCutOfARequestLeavesTheServerUp) {
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

TEST_F(HttpServerTest, HeaderLimits) {
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

TEST_F(HttpServerTest, BodiesBeyondTheLimitAre413) {
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

TEST_F(HttpServerTest, AmbiguousFramingIsRefused) {
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

TEST_F(HttpServerTest, BrokenChunksAreRefused) {
  RunningServer server(service_);
  for (const char* body : {"zz\r\n", "-1\r\n", "2\r\nabc\r\n0\r\n\r\n", "ffffffffffffffffff\r\n"}) {
    const Reply reply = server.ask(fmt::format(
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{}", body));
    EXPECT_THAT(reply.status, ::testing::AnyOf(400, 413)) << body;
  }
}

TEST_F(HttpServerTest, HostMustBeOnTheList) {
  HttpServerOptions options;
  options.allowed_hosts = {"Box.lan"};
  RunningServer server(service_, options);
  auto status = [&](std::string_view host_lines) {
    return server.ask(fmt::format("GET /health HTTP/1.1\r\n{}\r\n", host_lines)).status;
  };
  for (const char* good : {"localhost", "LOCALHOST:11434", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:80",
                           "box.lan", "box.lan:8080"}) {
    EXPECT_EQ(status(fmt::format("Host: {}\r\n", good)), 200) << good;
  }
  for (const char* bad : {"evil.example", "evil.example:11434", "localhost.evil.example", "localhost.",
                          "127.0.0.2", "[::2]", "localhost:x", "localhost:", "[::1", "::1", "", "a b",
                          "localhost@evil.example", "localhost, evil.example"}) {
    EXPECT_EQ(status(fmt::format("Host: {}\r\n", bad)), 403) << bad;
  }
  EXPECT_EQ(status(""), 400);
  EXPECT_EQ(status("Host: localhost\r\nHost: localhost\r\n"), 400);
  EXPECT_EQ(server.ask("GET http://evil.example/health HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 403);
  EXPECT_EQ(server.ask("GET http://localhost/health HTTP/1.1\r\nHost: evil.example\r\n\r\n").status, 403);
  EXPECT_EQ(server.ask("GET http://localhost:1/health HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 200);
}

TEST_F(HttpServerTest, OriginMustBeOnTheList) {
  HttpServerOptions options;
  options.allowed_origins = {"https://app.example:8443/"};
  RunningServer server(service_, options);
  auto ask = [&](std::string_view origin) {
    return server.ask(get("/health", fmt::format("Origin: {}\r\n", origin)));
  };
  for (const char* good :
       {"http://localhost", "https://localhost", "https://app.example:8443", "HTTPS://APP.example:8443"}) {
    const Reply reply = ask(good);
    EXPECT_EQ(reply.status, 200) << good;
    EXPECT_EQ(reply.header("Access-Control-Allow-Origin"), good);
    EXPECT_EQ(reply.header("Vary"), "Origin");
  }
  for (const char* bad :
       {"null", "https://evil.example", "http://localhost:5173", "http://localhost.evil.example",
        "https://app.example", "file://", "chrome-extension://x"}) {
    const Reply reply = ask(bad);
    EXPECT_EQ(reply.status, 403) << bad;
    EXPECT_EQ(reply.header("Access-Control-Allow-Origin"), "") << bad;
    EXPECT_THAT(reply.body, HasSubstr("permission_error"));
  }
}

TEST_F(HttpServerTest, PreflightOnlyForAllowedOrigins) {
  HttpServerOptions options;
  options.allowed_origins = {"https://app.example"};
  RunningServer server(service_, options);
  const std::string preflight =
      "OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAccess-Control-Request-Method: "
      "POST\r\nOrigin: ";
  const Reply good = server.ask(preflight + "https://app.example\r\n\r\n");
  EXPECT_EQ(good.status, 204);
  EXPECT_EQ(good.header("Content-Length"), "");
  EXPECT_EQ(good.header("Access-Control-Allow-Origin"), "https://app.example");
  EXPECT_THAT(good.header("Access-Control-Allow-Methods"), HasSubstr("POST"));
  for (const char* name : {"authorization", "content-type", "anthropic-version", "x-stainless-retry-count"}) {
    EXPECT_THAT(good.header("Access-Control-Allow-Headers"), HasSubstr(name));
  }
  const Reply bad = server.ask(preflight + "https://evil.example\r\n\r\n");
  EXPECT_EQ(bad.status, 403);
  EXPECT_EQ(bad.header("Access-Control-Allow-Headers"), "");
}

TEST_F(HttpServerTest, MediaTypes) {
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
  EXPECT_EQ(status("Content-Encoding: gzip\r\n"), 415);
}

TEST_F(HttpServerTest, PathTricks) {
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

TEST_F(HttpServerTest, SlowHeadersAndBodiesGet408) {
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

TEST_F(HttpServerTest, IdleConnectionsAreClosed) {
  HttpServerOptions options;
  options.limits.idle_timeout = milliseconds(100);
  RunningServer server(service_, options);
  Client client = server.connect();
  client.send(get("/health"));
  EXPECT_EQ(client.receive().status, 200);
  EXPECT_EQ(client.receive_some(), "");
}

TEST_F(HttpServerTest, ContinuesAnExpectedBody) {
  RunningServer server(service_);
  Client client = server.connect();
  client.send(
      "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: "
      "14\r\n\r\n");
  EXPECT_EQ(client.receive_some(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send(R"({"prompt":"a"})");
  EXPECT_EQ(client.receive().status, 200);
  client.send(
      "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nExpect: magic\r\nContent-Length: 14\r\n\r\n");
  EXPECT_EQ(client.receive().status, 417);
}

TEST_F(HttpServerTest, ManyIdleConnectionsDoNotBlockOthers) {
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

TEST_F(HttpServerTest, RefusesConnectionsBeyondTheCap) {
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

TEST_F(HttpServerTest, PortInUseNamesTheAddressAndWhatToDo) {
  RunningServer server(service_);
  HttpServerOptions options;
  options.port = server.port();
  auto second = HttpServer::create(options, Router());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().category, ErrorCategory::kIo);
  EXPECT_THAT(second.error().message, HasSubstr(fmt::format("127.0.0.1:{}", server.port())));
  EXPECT_THAT(second.error().message, HasSubstr("choose another port"));
}

TEST_F(HttpServerTest, BadAddressesAreExplained) {
  HttpServerOptions options;
  options.port = 0;
  options.host = "no such host";
  auto unknown = HttpServer::create(options, Router());
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("no such host"));
  options.host = "203.0.113.7";
  auto foreign = HttpServer::create(options, Router());
  ASSERT_FALSE(foreign);
  EXPECT_THAT(foreign.error().message, HasSubstr("this machine has no such address"));
  options.host = "127.0.0.1";
  options.n_io_threads = 0;
  EXPECT_FALSE(HttpServer::create(options, Router()));
}

TEST_F(HttpServerTest, StopClosesIdleConnectionsAndEndsRun) {
  RunningServer server(service_);
  Client idle = server.connect();
  Client kept = server.connect();
  kept.send(get("/health"));
  EXPECT_EQ(kept.receive().status, 200);
  server.server().stop(milliseconds(5000));
  EXPECT_TRUE(server.stops_within(1000));
  EXPECT_EQ(kept.receive_some(), "");
  EXPECT_FALSE(server.connect().connected());
}

TEST_F(HttpServerTest, AThrowingHandlerIsA500) {
  Router router;
  router.add("GET", "/bad", Scope::kOpen, [](const HttpRequest&, ResponseWriter&) -> Task<void> {
    throw std::runtime_error("secret detail");
    co_return;
  });
  router.add("GET", "/silent", Scope::kOpen,
             [](const HttpRequest&, ResponseWriter&) -> Task<void> { co_return; });
  HttpServerOptions options;
  options.port = 0;
  auto server = HttpServer::create(options, std::move(router));
  ASSERT_TRUE(server);
  std::thread thread([&] { (*server)->run(); });
  Client client((*server)->port());
  for (const char* path : {"/bad", "/silent"}) {
    client.send(get(path));
    const Reply reply = client.receive();
    EXPECT_EQ(reply.status, 500);
    EXPECT_THAT(reply.body, Not(HasSubstr("secret")));
  }
  (*server)->stop(milliseconds(0));
  thread.join();
}

TEST_F(HttpServerTest, AccessLogHasSizesAndNoWords) {
  std::mutex mutex;
  std::vector<AccessRecord> records;
  HttpServerOptions options;
  options.on_access = [&](const AccessRecord& record) {
    std::lock_guard lock(mutex);
    records.push_back(record);
  };
  {
    RunningServer server(service_, options);
    server.ask(
        post("/v1/chat/completions?key=secret", R"({"messages":[{"role":"user","content":"secret"}]})"));
    server.ask(get("/a%0ab%1b[31m"));
    server.ask("garbage\r\n\r\n");
  }
  ASSERT_EQ(records.size(), 3u);
  // A record follows its reply, so records of different connections come in any order.
  std::sort(records.begin(), records.end(), [](const auto& a, const auto& b) { return a.status < b.status; });
  EXPECT_EQ(records[0].method, "POST");
  EXPECT_EQ(records[0].path, "/v1/chat/completions");
  EXPECT_EQ(records[0].status, 200);
  EXPECT_EQ(records[0].remote_address, "127.0.0.1");
  EXPECT_EQ(records[0].notes.model, "tiny/llama:q4");
  EXPECT_EQ(records[0].notes.prompt_tokens, 3);
  EXPECT_EQ(records[0].notes.completion_tokens, 2);
  EXPECT_GT(records[0].sent_bytes, 100u);
  EXPECT_EQ(records[1].status, 400);
  EXPECT_EQ(records[2].status, 404);
  EXPECT_EQ(records[2].path, "/a\\x0ab\\x1b[31m");
}

}  // namespace
}  // namespace hearth::api
