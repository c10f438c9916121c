#include "api/page/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/page/page_router.h"
#include "api/testing/fake_service.h"
#include "api/testing/http_client.h"

namespace hearth::api::page {
namespace {

using testing::FakeService;
using testing::get;
using ::testing::HasSubstr;
using testing::post;
using testing::Reply;
using testing::RunningServer;

Task<void> say_done(const HttpRequest&, ResponseWriter& writer) {
  return writer.send(json_reply(Json{{"done", true}}));
}

std::string code_of(const Reply& reply) {
  return Json::parse(reply.body).at("error").at("code").get<std::string>();
}

class PageRoutes : public ::testing::Test {
 protected:
  PageRoutes() {
    Router router;
    PageRouter page(router);
    page.add("GET", "/page/thing", Scope::kChat, say_done);
    page.add("POST", "/page/thing", Scope::kChat, say_done);
    server_.emplace(std::move(router), HttpServerOptions());
  }
  std::optional<RunningServer> server_;
};

TEST_F(PageRoutes, ChangesNeedTheHeaderOfThePage) {
  EXPECT_EQ(server_->ask(get("/page/thing")).status, 200);
  const Reply without = server_->ask(post("/page/thing", "{}"));
  EXPECT_EQ(without.status, 403);
  EXPECT_EQ(code_of(without), "page_header");
  EXPECT_EQ(server_->ask(post("/page/thing", "{}", "X-Hearth-Page: 2\r\n")).status, 403);
  EXPECT_EQ(server_->ask(post("/page/thing", "{}", "X-Hearth-Page: 1\r\n")).status, 200);
}

// Other pages of this machine may use models; what people wrote is not theirs.
TEST_F(PageRoutes, ForeignPagesAreRefusedAlsoOnThisMachine) {
  for (const char* headers : {"Origin: http://localhost:3000\r\n", "Origin: http://127.0.0.1\r\n",
                              "Sec-Fetch-Site: cross-site\r\n", "Sec-Fetch-Site: same-site\r\n"}) {
    const Reply reply = server_->ask(get("/page/thing", headers));
    EXPECT_EQ(reply.status, 403) << headers;
    EXPECT_EQ(code_of(reply), "foreign_page") << headers;
    EXPECT_EQ(server_->ask(post("/page/thing", "{}", std::string(headers) + "X-Hearth-Page: 1\r\n")).status,
              403);
  }
  for (const char* headers :
       {"Origin: http://localhost\r\n", "Sec-Fetch-Site: same-origin\r\n", "Sec-Fetch-Site: none\r\n"}) {
    EXPECT_EQ(server_->ask(get("/page/thing", headers)).status, 200) << headers;
  }
}

TEST_F(PageRoutes, ErrorsHaveOneFormAlsoWithoutAHandler) {
  const Reply lost = server_->ask(get("/page/nothing"));
  EXPECT_EQ(lost.status, 404);
  EXPECT_EQ(code_of(lost), "not_found");
  EXPECT_EQ(lost.header("Cache-Control"), "no-store");
  EXPECT_EQ(code_of(server_->ask("PUT /page/thing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")),
            "method_not_allowed");
}

TEST(Page, ConfigNamesTheModelToBeginWith) {
  FakeService service;
  service.models[0].capabilities.completion = true;
  Router router;
  Page page(service, {.version = "9.9"});
  page.add_routes(router);
  const RunningServer server(std::move(router), {});
  const Json config = Json::parse(server.ask(get("/page/config")).body);
  EXPECT_EQ(config["version"], "9.9");
  EXPECT_EQ(config["default_model"], "tiny/llama:q4");
}

}  // namespace
}  // namespace hearth::api::page
