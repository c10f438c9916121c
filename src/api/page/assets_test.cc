#include "api/page/assets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/status_routes.h"
#include "api/testing/fake_service.h"
#include "api/testing/http_client.h"

namespace hearth::api::page {
namespace {

using testing::FakeService;
using testing::get;
using ::testing::HasSubstr;
using testing::Reply;
using testing::RunningServer;

constexpr Asset kFiles[] = {
    {"/index.html", "text/html; charset=utf-8", "aaaa", "<html>plain", "zipped", "packed"},
    {"/assets/main-1.js", "text/javascript; charset=utf-8", "bbbb", "code", {}, "br"},
    {"/icons/small.png", "image/png", "cccc", "pixels", {}, {}},
};

class Assets : public ::testing::Test {
 protected:
  Assets() {
    Router router;
    Handler index = add_asset_routes(router, kFiles);
    add_status_routes(router, service_, nullptr, std::move(index));
    server_.emplace(std::move(router), HttpServerOptions());
  }
  Reply page(std::string_view headers = {}) const {
    return server_->ask(get("/", "Accept: text/html\r\n" + std::string(headers)));
  }

  FakeService service_;
  std::optional<RunningServer> server_;
};

TEST_F(Assets, BrowsersGetThePageAndProgramsTheirWords) {
  EXPECT_EQ(page().body, "<html>plain");
  EXPECT_EQ(page().header("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(server_->ask(get("/")).body, "Ollama is running");
  EXPECT_EQ(server_->ask(get("/", "Accept: */*\r\nSec-Fetch-Site: same-origin\r\n")).body, "<html>plain");
  EXPECT_EQ(server_->ask(get("/index.html")).status, 404);
}

TEST_F(Assets, TheSmallestCodingThatIsAccepted) {
  const std::pair<const char*, const char*> cases[] = {
      {"Accept-Encoding: gzip, deflate, br\r\n", "packed"},
      {"Accept-Encoding: gzip\r\n", "zipped"},
      {"Accept-Encoding: br;q=0, gzip;q=0.5\r\n", "zipped"},
      {"Accept-Encoding: br;q=0.0\r\n", "<html>plain"},
      {"Accept-Encoding: identity\r\n", "<html>plain"},
      {"Accept-Encoding: xbr, gzipped\r\n", "<html>plain"},
      {"Accept-Encoding: br;q=0.001\r\n", "packed"},
      {"Accept-Encoding:\r\n", "<html>plain"},
  };
  for (const auto& [header, body] : cases) EXPECT_EQ(page(header).body, body) << header;
  EXPECT_EQ(page(cases[0].first).header("Content-Encoding"), "br");
  EXPECT_EQ(page().header("Content-Encoding"), "");
  EXPECT_EQ(page().header("Vary"), "Accept, Accept-Encoding");
  EXPECT_EQ(server_->ask(get("/assets/main-1.js", "Accept-Encoding: gzip\r\n")).body, "code");
}

TEST_F(Assets, HeadHasTheHeadersOfGet) {
  testing::Client client = server_->connect();
  client.send("HEAD / HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nAccept-Encoding: br\r\n\r\n");
  const Reply reply = client.receive(true);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("Content-Length"), "6");
  EXPECT_EQ(reply.header("ETag"), page("Accept-Encoding: br\r\n").header("ETag"));
}

TEST_F(Assets, WhatIsKnownIsNotSentAgain) {
  const std::string tag = page("Accept-Encoding: br\r\n").header("ETag");
  EXPECT_NE(tag, page().header("ETag"));
  for (const std::string& known : {tag, "W/" + tag, "\"other\", " + tag, std::string("*")}) {
    const Reply reply = page("Accept-Encoding: br\r\nIf-None-Match: " + known + "\r\n");
    EXPECT_EQ(reply.status, 304) << known;
    EXPECT_EQ(reply.header("ETag"), tag);
    EXPECT_EQ(reply.header("Content-Length"), "");
  }
  for (const char* other : {"\"other\"", "aaaa", "\"", ""}) {
    EXPECT_EQ(page("If-None-Match: " + std::string(other) + "\r\n").status, 200) << other;
  }
}

TEST_F(Assets, HashedNamesNeverChangeAndThePageIsCheckedEachTime) {
  EXPECT_EQ(page().header("Cache-Control"), "no-cache");
  EXPECT_EQ(server_->ask(get("/assets/main-1.js")).header("Cache-Control"),
            "public, max-age=31536000, immutable");
  EXPECT_EQ(server_->ask(get("/icons/small.png")).header("Cache-Control"), "no-cache");
}

TEST_F(Assets, EveryFileHasTheStrictHeaders) {
  for (const char* path : {"/", "/assets/main-1.js", "/icons/small.png"}) {
    for (const char* more : {"", "If-None-Match: *\r\n"}) {
      const Reply reply = server_->ask(get(path, "Accept: text/html\r\n" + std::string(more)));
      const std::string policy = reply.header("Content-Security-Policy");
      EXPECT_THAT(policy, HasSubstr("default-src 'self'")) << path;
      EXPECT_THAT(policy, HasSubstr("object-src 'none'"));
      EXPECT_THAT(policy, HasSubstr("base-uri 'none'"));
      EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'"));
      EXPECT_THAT(policy, HasSubstr("require-trusted-types-for 'script'"));
      EXPECT_THAT(policy, ::testing::Not(HasSubstr("unsafe")));
      EXPECT_THAT(policy, ::testing::Not(HasSubstr("http")));
      EXPECT_EQ(reply.header("X-Content-Type-Options"), "nosniff");
      EXPECT_EQ(reply.header("Referrer-Policy"), "no-referrer");
      EXPECT_EQ(reply.header("Cross-Origin-Opener-Policy"), "same-origin");
      EXPECT_EQ(reply.header("Cross-Origin-Resource-Policy"), "same-origin");
      EXPECT_THAT(reply.header("Permissions-Policy"), HasSubstr("microphone=()"));
    }
  }
}

TEST_F(Assets, OtherPathsAreNotThere) {
  for (const char* path : {"/assets/", "/assets/main-1.js/", "/assets/../index.html",
                           "/assets/%2e%2e/index.html", "/assets/main-1.js%00", "//assets/main-1.js"}) {
    EXPECT_NE(server_->ask(get(path)).status, 200) << path;
  }
}

TEST(NoAssets, WordsSayHowToBuildThePage) {
  FakeService service;
  Router router;
  add_status_routes(router, service, nullptr, add_asset_routes(router, {}));
  const RunningServer server(std::move(router), {});
  EXPECT_THAT(server.ask(get("/", "Accept: text/html\r\n")).body, HasSubstr("not part of this build"));
}

}  // namespace
}  // namespace hearth::api::page
