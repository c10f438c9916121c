// Which names, pages and programs of a browser may use the server.
#include "api/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "api/testing/http_client.h"

namespace hearth::api {
namespace {

using testing::FakeService;
using testing::get;
using ::testing::HasSubstr;
using testing::Reply;
using testing::RunningServer;

class HttpOriginTest : public ::testing::Test {
 protected:
  FakeService service_;
};

TEST_F(HttpOriginTest, HostMustBeOnTheList) {
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

TEST_F(HttpOriginTest, OriginMustBeOnTheList) {
  HttpServerOptions options;
  options.allowed_origins = {"https://app.example:8443/"};
  RunningServer server(service_, options);
  auto ask = [&](std::string_view origin) {
    return server.ask(get("/health", fmt::format("Origin: {}\r\n", origin)));
  };
  for (const char* good : {"http://localhost", "https://localhost", "https://app.example:8443",
                           "HTTPS://APP.example:8443", "http://localhost:5173", "http://127.0.0.1:3000",
                           "http://[::1]:3000", "http://0.0.0.0:1", "app://obsidian.md", "file://",
                           "tauri://localhost", "vscode-webview://abc", "vscode-file://vscode-app"}) {
    const Reply reply = ask(good);
    EXPECT_EQ(reply.status, 200) << good;
    EXPECT_EQ(reply.header("Access-Control-Allow-Origin"), good);
    EXPECT_EQ(reply.header("Vary"), "Origin");
  }
  for (const char* bad : {"null", "https://evil.example", "http://localhost.evil.example",
                          "http://localhost@evil.example", "http://127.0.0.1.evil.example",
                          "https://app.example", "chrome-extension://x", "ftp://localhost", "localhost"}) {
    const Reply reply = ask(bad);
    EXPECT_EQ(reply.status, 403) << bad;
    EXPECT_EQ(reply.header("Access-Control-Allow-Origin"), "") << bad;
    EXPECT_THAT(reply.body, HasSubstr("permission_error"));
  }
}

TEST_F(HttpOriginTest, PreflightOnlyForAllowedOrigins) {
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
  for (const char* name : {"authorization",
                           "content-type",
                           "accept",
                           "user-agent",
                           "openai-beta",
                           "anthropic-version",
                           "anthropic-beta",
                           "x-api-key",
                           "x-requested-with",
                           "x-stainless-arch",
                           "x-stainless-async",
                           "x-stainless-lang",
                           "x-stainless-os",
                           "x-stainless-package-version",
                           "x-stainless-retry-count",
                           "x-stainless-runtime",
                           "x-stainless-runtime-version",
                           "x-stainless-timeout",
                           "x-stainless-helper-method",
                           "x-stainless-poll-helper"}) {
    EXPECT_THAT(good.header("Access-Control-Allow-Headers"), HasSubstr(name));
  }
  const Reply bad = server.ask(preflight + "https://evil.example\r\n\r\n");
  EXPECT_EQ(bad.status, 403);
  EXPECT_EQ(bad.header("Access-Control-Allow-Headers"), "");
}

TEST_F(HttpOriginTest, ErrorsAreReadableForAllowedPagesOnly) {
  RunningServer server(service_);
  std::string fields;
  for (int i = 0; i < 101; ++i) fields += fmt::format("X{}: y\r\n", i);
  const Reply own = server.ask(get("/health", "Origin: http://localhost\r\n" + fields));
  EXPECT_EQ(own.status, 431);
  EXPECT_EQ(own.header("Access-Control-Allow-Origin"), "http://localhost");
  for (const std::string& foreign : {get("/health", "Origin: https://evil.example\r\n" + fields),
                                     get("/%zz", "Origin: https://evil.example\r\n")}) {
    const Reply reply = server.ask(foreign);
    EXPECT_GE(reply.status, 400);
    EXPECT_EQ(reply.header("Access-Control-Allow-Origin"), "");
  }
}

TEST_F(HttpOriginTest, ModelsAreManagedFromOwnPagesOnly) {
  for (const bool any_origin : {false, true}) {
    HttpServerOptions options;
    options.port = 0;
    if (any_origin) options.allowed_origins = {"*"};
    Router router;
    router.add("POST", "/pull", Scope::kManage,
               [](const HttpRequest&, ResponseWriter& writer) { return writer.send(HttpResponse()); });
    auto server = HttpServer::create(options, std::move(router));
    ASSERT_TRUE(server);
    std::thread thread([&] { (*server)->run(); });
    auto status = [&](std::string_view origin) {
      testing::Client client((*server)->port());
      client.send(testing::post("/pull", "{}", origin.empty() ? "" : fmt::format("Origin: {}\r\n", origin)));
      return client.receive().status;
    };
    EXPECT_EQ(status(""), 200);
    EXPECT_EQ(status("http://localhost"), 200) << "its own";
    EXPECT_EQ(status("http://localhost:5173"), 403);
    EXPECT_EQ(status("https://evil.example"), 403);
    EXPECT_EQ(status("null"), 403);
    (*server)->stop(std::chrono::milliseconds(0));
    thread.join();
  }
}

}  // namespace
}  // namespace hearth::api
