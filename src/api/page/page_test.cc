#include "api/page/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "api/page/page_router.h"
#include "api/testing/fake_service.h"
#include "api/testing/http_client.h"

namespace hearth::api::page {
namespace {

using testing::FakeService;
using testing::get;
using ::testing::HasSubstr;
using ::testing::Not;
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

TEST(PageLimits, BodiesThatAreTooLongAreSaidToBe) {
  Router router;
  PageRouter page(router);
  page.add("POST", "/page/thing", Scope::kChat, say_done);
  HttpServerOptions options;
  options.limits.max_body_bytes = 100;
  const RunningServer server(std::move(router), options);
  EXPECT_EQ(server.ask(post("/page/thing", std::string(100, ' '), "X-Hearth-Page: 1\r\n")).status, 200);
  const Reply reply = server.ask(post("/page/thing", std::string(101, ' '), "X-Hearth-Page: 1\r\n"));
  EXPECT_EQ(reply.status, 413);
  EXPECT_EQ(code_of(reply), "too_large");
}

TEST_F(PageRoutes, ErrorsHaveOneFormAlsoWithoutAHandler) {
  const Reply lost = server_->ask(get("/page/nothing"));
  EXPECT_EQ(lost.status, 404);
  EXPECT_EQ(code_of(lost), "not_found");
  EXPECT_EQ(lost.header("Cache-Control"), "no-store");
  const Reply found = server_->ask(get("/page/thing"));
  EXPECT_EQ(found.header("Cache-Control"), "no-store");
  EXPECT_EQ(found.header("Cross-Origin-Resource-Policy"), "same-origin");
  EXPECT_EQ(code_of(server_->ask("PUT /page/thing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")),
            "method_not_allowed");
}

// Where keys are asked for.
class SignedIn : public ::testing::Test {
 protected:
  SignedIn() {
    std::string name = (std::filesystem::temp_directory_path() / "hearth-page-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    chat_ = *keys_.add("laptop", {Scope::kChat}, 1);
    other_ = *keys_.add("phone", {Scope::kChat}, 1);
    manage_ = *keys_.add("admin", {Scope::kManage}, 1);
    write_keys();
    chats_ = std::move(*store::ChatStore::open(folder_ / "hearth.db"));
    HttpServerOptions options;
    options.require_keys = KeyPolicy::kAlways;
    options.doorkeeper = std::make_shared<Doorkeeper>(folder_ / "keys.json", CallerLimits());
    PageOptions page;
    page.chats = chats_.get();
    page.doorkeeper = options.doorkeeper;
    page_.emplace(service_, page);
    Router router;
    page_->add_routes(router);
    router.add("GET", "/api/tags", Scope::kChat, say_done);
    router.add("POST", "/api/chat", Scope::kChat, say_done);
    router.add("GET", "/v1/models", Scope::kChat, say_done);
    server_.emplace(std::move(router), options);
  }
  ~SignedIn() override {
    page_->end_streams();
    server_.reset();
    page_.reset();
    chats_.reset();
    std::filesystem::remove_all(folder_);
  }
  void write_keys() {
    std::ofstream(folder_ / "keys.json.new") << keys_.to_text();
    chmod((folder_ / "keys.json.new").c_str(), 0600);
    std::filesystem::rename(folder_ / "keys.json.new", folder_ / "keys.json");
  }
  static std::string bearer(const std::string& key) { return "Authorization: Bearer " + key + "\r\n"; }
  // The header that a browser sends once it has signed in.
  std::string sign_in(const std::string& key) {
    const Reply reply = server_->ask(post("/page/session", "", bearer(key) + "X-Hearth-Page: 1\r\n"));
    EXPECT_EQ(reply.status, 200) << reply.body;
    const std::string cookie = reply.header("Set-Cookie");
    EXPECT_THAT(cookie, HasSubstr("; HttpOnly; SameSite=Strict"));
    EXPECT_THAT(cookie, HasSubstr("Path=/;"));
    EXPECT_THAT(cookie, ::testing::Not(HasSubstr(key)));
    return "Cookie: theme=dark; " + cookie.substr(0, cookie.find(';')) + "\r\n";
  }

  std::filesystem::path folder_;
  ApiKeys keys_;
  std::string chat_, other_, manage_;
  FakeService service_;
  std::unique_ptr<store::ChatStore> chats_;
  std::optional<Page> page_;
  std::optional<RunningServer> server_;
};

TEST_F(SignedIn, ASessionStandsForItsKey) {
  const Json before = Json::parse(server_->ask(get("/page/session")).body);
  EXPECT_EQ(before,
            (Json{{"needs_key", true}, {"signed_in", false}, {"name", ""}, {"scopes", Json::array()}}));
  EXPECT_EQ(server_->ask(get("/page/status")).status, 401);
  const std::string cookie = sign_in(chat_);
  const Json after = Json::parse(server_->ask(get("/page/session", cookie)).body);
  EXPECT_EQ(after["signed_in"], true);
  EXPECT_EQ(after["name"], "laptop");
  EXPECT_EQ(after["scopes"], Json::array({"chat"}));
  EXPECT_EQ(server_->ask(get("/page/status", cookie)).status, 200);
  EXPECT_EQ(server_->ask(get("/api/tags", cookie)).status, 200);
}

TEST_F(SignedIn, OnlyARightKeySignsIn) {
  for (const std::string& headers : {std::string(), bearer("hearth_wrong"), bearer(chat_ + "x"),
                                     std::string("Cookie: hearth_session=00\r\n")}) {
    const Reply reply = server_->ask(post("/page/session", "", headers + "X-Hearth-Page: 1\r\n"));
    EXPECT_EQ(reply.status, 401) << headers;
    EXPECT_EQ(reply.header("Set-Cookie"), "");
  }
  EXPECT_EQ(server_->ask(post("/page/session", "", bearer(manage_) + "X-Hearth-Page: 1\r\n")).status, 403);
  EXPECT_EQ(server_->ask(post("/page/session", "", bearer(chat_))).status, 403)
      << "without the page's header";
}

// What a foreign page can make a browser send.
TEST_F(SignedIn, TheCookieCountsForThePageAlone) {
  const std::string cookie = sign_in(chat_);
  EXPECT_EQ(server_->ask(get("/v1/models", cookie)).status, 401);
  EXPECT_EQ(server_->ask(post("/api/chat", "{}", cookie)).status, 401);
  EXPECT_EQ(server_->ask(post("/api/chat", "{}", cookie + "X-Hearth-Page: 1\r\n")).status, 200);
  for (const char* foreign : {"Origin: http://localhost:3000\r\n", "Sec-Fetch-Site: same-site\r\n",
                              "Sec-Fetch-Site: cross-site\r\n"}) {
    EXPECT_EQ(server_->ask(get("/api/tags", cookie + foreign)).status, 401) << foreign;
    EXPECT_EQ(server_->ask(post("/api/chat", "{}", cookie + foreign + "X-Hearth-Page: 1\r\n")).status, 401);
  }
  for (const char* bad : {"Cookie: hearth_session=\r\n", "Cookie: hearth_session\r\n", "Cookie: ;;;=\r\n",
                          "Cookie: xhearth_session=1; hearth_sessionx=2\r\n"}) {
    EXPECT_EQ(server_->ask(get("/page/status", bad)).status, 401) << bad;
  }
}

TEST_F(SignedIn, SessionsEndWithSigningOutAndWithTheirKey) {
  const std::string cookie = sign_in(chat_);
  const std::string second = sign_in(chat_);
  EXPECT_NE(cookie, second);
  const Reply out = server_->ask("DELETE /page/session HTTP/1.1\r\nHost: localhost\r\nX-Hearth-Page: 1\r\n" +
                                 cookie + "\r\n");
  EXPECT_EQ(out.status, 204);
  EXPECT_THAT(out.header("Set-Cookie"), HasSubstr("Max-Age=0"));
  EXPECT_EQ(server_->ask(get("/page/status", cookie)).status, 401);
  EXPECT_EQ(server_->ask(get("/page/status", second)).status, 200);
  testing::Client listener = server_->connect();
  listener.send(get("/page/events", second));
  listener.receive_until("hello");
  ASSERT_TRUE(keys_.remove("laptop"));
  write_keys();
  EXPECT_EQ(server_->ask(get("/page/status", second)).status, 401);
  EXPECT_THAT(listener.receive_until("0\r\n\r\n"), HasSubstr("0\r\n\r\n")) << "streams end too";
}

TEST_F(SignedIn, EachHasChatsOfTheirOwn) {
  const std::string mine = chats_->create(keys_.find(chat_)->id, {})->id;
  const auto say = [&](const std::string& headers) {
    return server_->ask(post("/page/chats/" + mine + "/messages",
                             R"({"content":"hi","model":"tiny/llama:q4"})",
                             headers + "X-Hearth-Page: 1\r\n"));
  };
  EXPECT_EQ(say(sign_in(other_)).status, 404);
  const Reply reply = say(sign_in(chat_));
  EXPECT_EQ(reply.status, 201) << reply.body;
  const std::string answer = Json::parse(reply.body)["answer"]["id"];
  const std::string events = "/page/messages/" + answer + "/events";
  EXPECT_EQ(server_->ask(get(events, sign_in(other_))).status, 404);
  EXPECT_EQ(server_->ask(get(events, bearer(chat_))).status, 200);
  EXPECT_EQ(service_.requests().back().cache_scope, keys_.find(chat_)->id);
}

TEST(Sessions, AreForgottenWhenNobodyUsesThem) {
  Sessions sessions;
  const Sessions::Time start{};
  const std::string session = sessions.open("key", start);
  EXPECT_EQ(session.size(), 64u);
  EXPECT_EQ(sessions.key_id_of(session, start + Sessions::kIdle), "key");
  EXPECT_EQ(sessions.key_id_of(session, start + 2 * Sessions::kIdle), "key") << "each use counts";
  EXPECT_EQ(sessions.key_id_of(session, start + 4 * Sessions::kIdle), std::nullopt);
  EXPECT_EQ(sessions.key_id_of(session, start), std::nullopt);
  EXPECT_EQ(sessions.key_id_of("", start), std::nullopt);
}

TEST(Sessions, AServerThatStartsAnewKnowsThem) {
  const auto folder = std::filesystem::path(::testing::TempDir()) / "sessions_test";
  std::filesystem::remove_all(folder);
  const auto file = folder / "sessions";
  std::vector<std::string> problems;
  const auto begin = [&] { return Sessions(file, [&](const Error& e) { problems.push_back(e.message); }); };
  const Sessions::Time start{std::chrono::seconds(1'800'000'000)};
  std::string kept, closed;
  {
    Sessions sessions = begin();
    kept = sessions.open("a", start);
    closed = sessions.open("b", start);
    sessions.close(closed, start);
    EXPECT_EQ(sessions.key_id_of(kept, start + Sessions::kIdle), "a");
  }
  EXPECT_EQ(std::filesystem::status(file).permissions() & std::filesystem::perms(0077),
            std::filesystem::perms::none);
  std::ifstream in(file);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  EXPECT_THAT(text, Not(HasSubstr(kept))) << "hashes alone";
  {
    Sessions sessions = begin();
    EXPECT_EQ(sessions.key_id_of(closed, start), std::nullopt);
    EXPECT_EQ(sessions.key_id_of(kept, start + 2 * Sessions::kIdle), "a") << "its last use is known";
  }
  EXPECT_THAT(problems, ::testing::IsEmpty());
  std::ofstream(file, std::ios::app) << "nonsense\n";
  {
    Sessions sessions = begin();
    EXPECT_EQ(sessions.key_id_of(kept, start + 2 * Sessions::kIdle), "a");
    EXPECT_THAT(problems, ::testing::ElementsAre(HasSubstr("list of sessions")));
    problems.clear();
    // A second server has its own: it would undo what the first one writes.
    Sessions second = begin();
    EXPECT_EQ(second.key_id_of(kept, start + 2 * Sessions::kIdle), std::nullopt);
    EXPECT_THAT(problems, ::testing::ElementsAre(HasSubstr("another server has it")));
    sessions.close(kept, start);
  }
  EXPECT_EQ(begin().key_id_of(kept, start), std::nullopt);
  problems.clear();
  std::filesystem::permissions(file, std::filesystem::perms::others_write,
                               std::filesystem::perm_options::add);
  begin();
  EXPECT_THAT(problems, ::testing::ElementsAre(HasSubstr("other users may write it")));
}

TEST(Status, TellsOfModelsAndTheLatestRequests) {
  FakeService service;
  serving::LoadedModelState model;
  model.summary = service.models[0];
  model.memory.weight_bytes = 7;
  model.memory.kv_full_bytes = 5;
  model.n_requests = 3;
  model.running = {
      {.id = 4, .prompt_tokens = 10, .cached_tokens = 2, .read_tokens = 8, .generated_tokens = 6}};
  model.engine.emplace().memory_hits = 9;
  service.loaded = {model};
  service.memory_use.budget_bytes = 100;
  service.awaited = {{"another", 4}};
  Page page(service, {.version = "9.9"});
  Router router;
  page.add_routes(router);
  const RunningServer server(std::move(router), {});
  for (int i = 0; i < 60; ++i) {
    AccessRecord record;
    record.request_id = "req_" + std::to_string(i);
    record.status = 200;
    record.notes.model = i == 59 ? "" : "m";
    page.on_request(record);
  }
  const Json status = Json::parse(server.ask(get("/page/status")).body);
  EXPECT_EQ(status["version"], "9.9");
  EXPECT_EQ(status["models"][0]["weights_bytes"], 7);
  EXPECT_EQ(status["models"][0]["cache_bytes"], 5);
  EXPECT_EQ(status["models"][0]["running"][0]["generated_tokens"], 6);
  EXPECT_EQ(status["tokens"], (Json{{"read", 6}, {"written", 6}}));
  EXPECT_EQ(status["queue"], 6) << "those that wait for a load are among them";
  EXPECT_EQ(status["running"], 1);
  EXPECT_EQ(status["cache"]["memory_hits"], 9);
  EXPECT_EQ(status["memory"]["budget_bytes"], 100);
  EXPECT_EQ(status["requests"].size(), 50u);
  EXPECT_EQ(status["requests"][49]["id"], "req_58");
  EXPECT_EQ(status["bandwidth"]["limit_gbps"], nullptr);
}

TEST(Fit, IsMeasuredOnceWhenAPageAsks) {
  FakeService service;
  std::promise<void> go;
  int n_measured = 0;
  PageOptions options;
  options.measure_fit = [&]() -> Result<FitReport> {
    if (++n_measured == 1) return fail(ErrorCategory::kOverloaded, "no memory for it");
    go.get_future().wait();
    FitReport report;
    report.read_bytes_per_second = 2e10;
    report.models = {{.name = "Small",
                      .pull = "small:1b",
                      .size_bytes = 5,
                      .memory_bytes = 6,
                      .prefill_tokens_per_second = 7,
                      .decode_tokens_per_second = std::nullopt,
                      .verdict = "fits",
                      .good_for = {"chat"}}};
    report.best = {{"chat", "Small"}, {"reasoning", ""}};
    return report;
  };
  Page page(service, options);
  Router router;
  page.add_routes(router);
  const RunningServer server(std::move(router), {});
  const auto ask_until_not = [&](int status) {
    for (;;) {
      const Reply reply = server.ask(get("/page/fit"));
      if (reply.status != status) return reply;
    }
  };
  EXPECT_EQ(server.ask(get("/page/fit")).status, 202);
  EXPECT_EQ(code_of(ask_until_not(202)), "overloaded");
  EXPECT_EQ(server.ask(get("/page/fit")).status, 202) << "it is tried anew";
  go.set_value();
  const Json fit = Json::parse(ask_until_not(202).body);
  EXPECT_EQ(fit["machine"]["read_gbps"], 20);
  EXPECT_EQ(fit["models"][0]["decode_tps"], nullptr);
  EXPECT_EQ(fit["models"][0]["good_for"], Json::array({"chat"}));
  EXPECT_EQ(fit["best"], (Json{{"chat", "Small"}, {"reasoning", nullptr}}));
  EXPECT_EQ(server.ask(get("/page/fit")).status, 200);
  EXPECT_EQ(n_measured, 2);
  EXPECT_EQ(Json::parse(server.ask(get("/page/status")).body)["bandwidth"]["limit_gbps"], 20);
}

TEST(Page, WithoutADiskItSaysSo) {
  FakeService service;
  PageOptions options;
  options.why_no_chats = "the disk is full";
  Page page(service, options);
  Router router;
  page.add_routes(router);
  const RunningServer server(std::move(router), {});
  const Reply reply = server.ask(get("/page/chats"));
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(code_of(reply), "no_storage");
  EXPECT_THAT(reply.body, HasSubstr("the disk is full"));
  EXPECT_EQ(server.ask(get("/page/config")).status, 200);
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
