#include "api/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "api/testing/http_client.h"

namespace hearth::api {
namespace {

using testing::Client;
using testing::get;
using testing::Reply;

HttpRequest request(std::string method, std::string path) {
  HttpRequest request;
  request.method = std::move(method);
  request.path = std::move(path);
  return request;
}

Task<void> say_path(const HttpRequest& request, ResponseWriter& writer) {
  HttpResponse response;
  response.body = request.path;
  return writer.send(std::move(response));
}

HttpResponse plain_format(const ApiError& error, const HttpRequest& request) {
  return error_reply(error, "plain " + error.message + " for " + request.path);
}

HttpResponse deep_format(const ApiError& error, const HttpRequest&) {
  return error_reply(error, "deep " + std::to_string(error.status));
}

TEST(Router, ScopeIsOfTheRouteThatWillRun) {
  Router router;
  router.add("GET", "/models", Scope::kChat, say_path);
  router.add("DELETE", "/models", Scope::kManage, say_path);
  router.add("GET", "/models/*", Scope::kOpen, say_path);
  router.add("GET", "/models/all", Scope::kManage, say_path);
  EXPECT_EQ(router.scope_of(request("GET", "/models")), Scope::kChat);
  EXPECT_EQ(router.scope_of(request("HEAD", "/models")), Scope::kChat);
  EXPECT_EQ(router.scope_of(request("DELETE", "/models")), Scope::kManage);
  EXPECT_EQ(router.scope_of(request("GET", "/models/a/b")), Scope::kOpen);
  EXPECT_EQ(router.scope_of(request("GET", "/models/all")), Scope::kManage);
  for (const char* answered_here : {"OPTIONS", "POST"}) {
    EXPECT_EQ(router.scope_of(request(answered_here, "/models")), Scope::kOpen) << answered_here;
  }
  EXPECT_EQ(router.scope_of(request("GET", "/other")), Scope::kOpen);
}

TEST(Router, SegmentsInBracesMatchOneSegmentEach) {
  Router router;
  router.add("GET", "/chats/{id}", Scope::kChat, say_path);
  router.add("GET", "/chats/{id}/export", Scope::kManage, say_path);
  router.add("GET", "/chats/all", Scope::kManage, say_path);
  EXPECT_EQ(router.scope_of(request("GET", "/chats/x")), Scope::kChat);
  EXPECT_EQ(router.scope_of(request("GET", "/chats/{id}")), Scope::kChat);
  EXPECT_EQ(router.scope_of(request("GET", "/chats/x/export")), Scope::kManage);
  EXPECT_EQ(router.scope_of(request("GET", "/chats/all")), Scope::kManage);
  for (const char* path :
       {"/chats", "/chats/", "/chats//export", "/chats/x/", "/chats/x/y", "/chats/x/export/"}) {
    EXPECT_FALSE(router.has_handler(request("GET", path))) << path;
  }
}

TEST(Router, SegmentsOfAPath) {
  const HttpRequest asked = request("GET", "/chats/x1/export");
  EXPECT_EQ(path_segment(asked, 0), "chats");
  EXPECT_EQ(path_segment(asked, 1), "x1");
  EXPECT_EQ(path_segment(asked, 2), "export");
  EXPECT_EQ(path_segment(asked, 3), "");
  EXPECT_EQ(path_segment(request("GET", "/"), 0), "");
}

TEST(Router, ErrorsHaveTheFormatOfTheirPath) {
  Router router;
  router.set_error_format("/api", plain_format);
  router.set_error_format("/api/deep", deep_format);
  const ApiError error = http_error(404, "lost");
  EXPECT_EQ(router.error(error, request("GET", "/api")).body, "plain lost for /api");
  EXPECT_EQ(router.error(error, request("GET", "/api/tags")).body, "plain lost for /api/tags");
  EXPECT_EQ(router.error(error, request("GET", "/api/deep/x")).body, "deep 404");
  for (const char* other : {"/", "/apix", "/v1/api", ""}) {
    EXPECT_EQ(router.error(error, request("GET", other)).body, error_json(error)) << other;
  }
}

// Every place that refuses a request: the head, the body, the router, a handler.
TEST(Router, FailuresBeforeTheHandlerHaveTheDialectsFormatToo) {
  Router router;
  router.set_error_format("/api", plain_format);
  router.add("POST", "/api/chat", Scope::kChat, say_path);
  router.add("GET", "/api/bad", Scope::kChat, [](const HttpRequest&, ResponseWriter&) -> Task<void> {
    throw std::runtime_error("detail");
    co_return;
  });
  router.add("GET", "/api/busy", Scope::kChat, [](const HttpRequest&, ResponseWriter& writer) {
    ApiError error = http_error(429, "busy");
    error.retry_after_seconds = 7;
    return writer.fail(error);
  });
  HttpServerOptions options;
  options.port = 0;
  options.limits.max_body_bytes = 10;
  auto server = HttpServer::create(options, std::move(router));
  ASSERT_TRUE(server);
  std::thread thread([&] { (*server)->run(); });
  auto ask = [&](const std::string& bytes) {
    Client client((*server)->port());
    client.send(bytes);
    return client.receive();
  };
  EXPECT_EQ(ask(get("/api/none")).body, "plain there is no route /api/none for /api/none");
  EXPECT_THAT(ask(get("/api/chat")).body, ::testing::StartsWith("plain GET is not allowed"));
  EXPECT_THAT(ask(get("/api/bad")).body, ::testing::StartsWith("plain an internal error"));
  EXPECT_THAT(ask(testing::post("/api/chat", "0123456789+")).body,
              ::testing::StartsWith("plain the request's body"));
  EXPECT_THAT(ask("GET /api/x HTTP/1.1\r\nHost: evil.example\r\n\r\n").body,
              ::testing::StartsWith("plain the host"));
  const Reply busy = ask(get("/api/busy"));
  EXPECT_EQ(busy.status, 429);
  EXPECT_EQ(busy.header("Retry-After"), "7");
  EXPECT_EQ(busy.body, "plain busy for /api/busy");
  (*server)->stop(std::chrono::milliseconds(0));
  thread.join();
}

}  // namespace
}  // namespace hearth::api
