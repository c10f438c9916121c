// Keys, limits and compressed bodies as a client meets them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include <ctime>
#include <fstream>
#include <mutex>
#include <thread>

#include "api/access/api_keys.h"
#include "api/http_server.h"
#include "api/testing/http_client.h"

namespace hearth::api {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using testing::Client;
using testing::FakeService;
using testing::get;
using ::testing::HasSubstr;
using testing::post;
using testing::Reply;
using testing::RunningServer;

constexpr std::string_view kChat = R"({"messages":[{"role":"user","content":"hi"}]})";

class HttpDoorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "hearth-doors-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    ApiKeys keys;
    chat_ = *keys.add("laptop", {Scope::kChat}, 1);
    manage_ = *keys.add("admin", {Scope::kManage}, 1);
    std::ofstream(folder_ / "keys.json") << keys.to_text();
    chmod((folder_ / "keys.json").c_str(), 0600);
  }
  void TearDown() override { fs::remove_all(folder_); }

  HttpServerOptions with_keys() const {
    HttpServerOptions options;
    options.require_keys = KeyPolicy::kAlways;
    options.key_file = folder_ / "keys.json";
    return options;
  }
  static std::string bearer(const std::string& key) { return "Authorization: Bearer " + key + "\r\n"; }

  fs::path folder_;
  std::string chat_, manage_;
  FakeService service_;
};

TEST_F(HttpDoorsTest, RoutesAskForTheirScope) {
  RunningServer server(service_, with_keys());
  EXPECT_TRUE(server.server().asks_for_keys());
  const Reply none = server.ask(post("/v1/chat/completions", kChat));
  EXPECT_EQ(none.status, 401);
  EXPECT_EQ(none.header("WWW-Authenticate"), "Bearer");
  EXPECT_THAT(none.body, HasSubstr(R"("type":"authentication_error")"));
  EXPECT_EQ(server.ask(get("/v1/models")).status, 401);
  EXPECT_EQ(server.ask(get("/v1/models/tiny/llama:q4")).status, 401);
  EXPECT_EQ(server.ask("HEAD /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 401);
  EXPECT_EQ(service_.requests().size(), 0u);
  EXPECT_EQ(server.ask(post("/v1/chat/completions", kChat, bearer(chat_))).status, 200);
  EXPECT_EQ(server.ask(post("/v1/chat/completions", kChat, "x-api-key: " + chat_ + "\r\n")).status, 200);
  EXPECT_EQ(server.ask(post("/v1/chat/completions", kChat, bearer(manage_))).status, 403);
  EXPECT_EQ(server.ask(post("/v1/chat/completions?api_key=" + chat_, kChat)).status, 401)
      << "never in the address";
  for (const char* open : {"/health", "/"}) EXPECT_EQ(server.ask(get(open)).status, 200) << open;
  EXPECT_EQ(server.ask(get("/nowhere")).status, 404);
}

TEST_F(HttpDoorsTest, APreflightNeedsNoKeyAndA401IsReadable) {
  HttpServerOptions options = with_keys();
  options.allowed_origins = {"https://app.example"};
  RunningServer server(service_, options);
  EXPECT_EQ(server
                .ask("OPTIONS /v1/models HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example\r\n"
                     "Access-Control-Request-Method: GET\r\n\r\n")
                .status,
            204);
  const Reply refused = server.ask(get("/v1/models", "Origin: https://app.example\r\n"));
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.header("Access-Control-Allow-Origin"), "https://app.example");
}

TEST_F(HttpDoorsTest, WithoutAKeyNoBodyIsRead) {
  RunningServer server(service_, with_keys());
  Client client = server.connect();
  client.send(
      "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: "
      "60000000\r\n\r\n");
  EXPECT_EQ(client.receive().status, 401) << "and no 100 Continue";
}

TEST_F(HttpDoorsTest, BindingWiderNeedsKeysOrASayingSo) {
  HttpServerOptions options;
  options.port = 0;
  for (const char* wide : {"0.0.0.0", "::"}) {
    options.host = wide;
    options.require_keys = KeyPolicy::kWhereExposed;
    options.key_file = folder_ / "absent.json";
    auto refused = HttpServer::create(options, Router());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().category, ErrorCategory::kInvalidArgument);
    EXPECT_THAT(refused.error().message, HasSubstr("hearth key add"));
    EXPECT_THAT(refused.error().message, HasSubstr("require_keys"));
    options.key_file = folder_ / "keys.json";
    auto with_keys = HttpServer::create(options, Router());
    ASSERT_TRUE(with_keys) << with_keys.error().message;
    EXPECT_TRUE((*with_keys)->asks_for_keys());
    options.require_keys = KeyPolicy::kNever;
    options.key_file.clear();
    auto open = HttpServer::create(options, Router());
    ASSERT_TRUE(open) << open.error().message;
    EXPECT_FALSE((*open)->asks_for_keys());
  }
  options.host = "localhost";
  options.require_keys = KeyPolicy::kWhereExposed;
  auto local = HttpServer::create(options, Router());
  ASSERT_TRUE(local);
  EXPECT_FALSE((*local)->asks_for_keys());
}

TEST_F(HttpDoorsTest, ADamagedKeyFileIsNamedAtTheStart) {
  std::ofstream(folder_ / "keys.json") << "{";
  HttpServerOptions options = with_keys();
  options.port = 0;
  auto server = HttpServer::create(options, Router());
  ASSERT_FALSE(server);
  EXPECT_THAT(server.error().message, HasSubstr("keys.json"));
}

TEST_F(HttpDoorsTest, HandlersSeeTheOwnerAndRecordsItsName) {
  std::mutex mutex;
  std::vector<AccessRecord> records;
  HttpServerOptions options;
  options.port = 0;
  options.key_file = folder_ / "keys.json";
  options.on_access = [&](const AccessRecord& record) {
    std::lock_guard lock(mutex);
    records.push_back(record);
  };
  Router router;
  router.add("GET", "/who", Scope::kChat, [](const HttpRequest& request, ResponseWriter& writer) {
    HttpResponse response;
    response.body = request.owner;
    return writer.send(std::move(response));
  });
  auto server = HttpServer::create(options, std::move(router));
  ASSERT_TRUE(server);
  std::thread thread([&] { (*server)->run(); });
  auto ask = [&](const std::string& headers) {
    Client client((*server)->port());
    client.send(get("/who", headers));
    return client.receive().body;
  };
  EXPECT_EQ(ask(bearer(chat_)), chat_.substr(7, 10)) << "the key's id";
  EXPECT_EQ(ask(""), "");
  EXPECT_EQ(ask(bearer("anything")), "") << "on loopback an unknown key is no key";
  (*server)->stop(milliseconds(0));
  thread.join();
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(
      std::count_if(records.begin(), records.end(), [](const auto& r) { return r.key_name == "laptop"; }), 1);
}

TEST_F(HttpDoorsTest, LimitsAre429WithRetryAfter) {
  HttpServerOptions options;
  options.caller_limits.requests_per_minute = 2;
  options.caller_limits.concurrent_requests = 1;
  RunningServer server(service_, options);
  EXPECT_EQ(server.ask(get("/v1/models")).status, 200);
  service_.play([](serving::TokenWriter&) {});
  Client slow = server.connect();
  slow.send(post("/v1/chat/completions", kChat));
  ASSERT_TRUE(service_.wait_for_generations(1, 5000));
  const Reply limited = server.ask(get("/v1/models"));
  EXPECT_EQ(limited.status, 429);
  EXPECT_THAT(limited.header("Retry-After"), ::testing::MatchesRegex("[1-9][0-9]?"));
  EXPECT_THAT(limited.body, HasSubstr(R"("type":"rate_limit_error")"));
  EXPECT_EQ(server.ask(get("/health")).status, 200) << "health is not counted";
}

// The same host without TLS may be anybody on the way, so its pages are foreign ones.
TEST_F(HttpDoorsTest, BehindAProxyWithTlsTheOwnPagesAreThoseWithTls) {
  HttpServerOptions options;
  options.trusted_proxies = {"127.0.0.1"};
  options.require_keys = KeyPolicy::kNever;
  options.allowed_hosts = {"box.lan"};
  RunningServer server(service_, options);
  const auto status = [&](const char* page, const char* proto) {
    const std::string head =
        fmt::format("Host: box.lan\r\nOrigin: {}\r\nX-Forwarded-Proto: {}\r\n", page, proto);
    return server.ask("GET /v1/models HTTP/1.1\r\n" + head + "\r\n").status;
  };
  EXPECT_EQ(status("https://box.lan", "https"), 200);
  EXPECT_EQ(status("http://box.lan", "https"), 403);
  EXPECT_EQ(status("http://box.lan", "http"), 200);
}

// Limits and the log go by the client that a trusted proxy names, not by the proxy.
TEST_F(HttpDoorsTest, ClientsBehindATrustedProxyAreToldApart) {
  HttpServerOptions options;
  options.caller_limits.requests_per_minute = 2;
  options.trusted_proxies = {"127.0.0.1"};
  options.require_keys = KeyPolicy::kNever;
  std::mutex mutex;
  std::vector<std::string> remotes;
  options.on_access = [&](const AccessRecord& record) {
    std::lock_guard lock(mutex);
    remotes.push_back(record.remote_address);
  };
  {
    RunningServer server(service_, options);
    for (const char* client : {"203.0.113.9", "203.0.113.10"}) {
      const std::string forwarded = "X-Forwarded-For: 1.1.1.1, " + std::string(client) + "\r\n";
      EXPECT_EQ(server.ask(get("/v1/models", forwarded)).status, 200);
      EXPECT_EQ(server.ask(get("/v1/models", forwarded)).status, 200);
      EXPECT_EQ(server.ask(get("/v1/models", forwarded)).status, 429) << client;
    }
  }
  ASSERT_EQ(remotes.size(), 6U);
  EXPECT_EQ(remotes.front(), "203.0.113.9");
  EXPECT_EQ(remotes.back(), "203.0.113.10");

  options.trusted_proxies.clear();
  RunningServer server(service_, options);
  for (int i = 0; i < 3; ++i) {
    const std::string forwarded = fmt::format("X-Forwarded-For: 203.0.113.{}\r\n", i);
    EXPECT_EQ(server.ask(get("/v1/models", forwarded)).status, i < 2 ? 200 : 429) << "anybody can write that";
  }
}

TEST_F(HttpDoorsTest, AProxyBringsOthersSoThatKeysAreNeeded) {
  HttpServerOptions options;
  options.trusted_proxies = {"127.0.0.1"};
  auto refused = HttpServer::create(options, Router());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("a trusted proxy brings requests of other machines"));
  options.trusted_proxies = {"proxy.lan"};
  refused = HttpServer::create(options, Router());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("\"proxy.lan\" is neither an address"));
}

TEST_F(HttpDoorsTest, TheNextRequestWaitsForTheLastToEnd) {
  HttpServerOptions options;
  options.caller_limits.concurrent_requests = 1;
  RunningServer server(service_, options);
  service_.play([](serving::TokenWriter&) {});
  {
    Client slow = server.connect();
    slow.send(post("/v1/chat/completions", kChat));
    ASSERT_TRUE(service_.wait_for_generations(1, 5000));
    const Reply second = server.ask(get("/v1/models"));
    EXPECT_EQ(second.status, 429);
    EXPECT_THAT(second.body, HasSubstr("at once"));
  }
  ASSERT_TRUE(service_.wait_for_cancellations(1, 5000));
  Reply reply;
  for (int i = 0; i < 200 && reply.status != 200; ++i) {
    reply = server.ask(get("/v1/models"));
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_EQ(reply.status, 200);
}

std::string gzip(std::string_view text) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

TEST_F(HttpDoorsTest, CompressedBodiesAreRead) {
  RunningServer server(service_);
  EXPECT_EQ(server.ask(post("/v1/chat/completions", gzip(kChat), "Content-Encoding: gzip\r\n")).status, 200);
  EXPECT_EQ(server.ask(post("/v1/chat/completions", zstd(kChat), "Content-Encoding: zstd\r\n")).status, 200);
  const std::string bytes = zstd(kChat);
  std::string chunked =
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: ZSTD\r\nTransfer-Encoding: "
      "chunked\r\n\r\n";
  for (const char c : bytes) chunked.append("1\r\n").append(1, c).append("\r\n");
  EXPECT_EQ(server.ask(chunked + "0\r\n\r\n").status, 200);
  EXPECT_EQ(service_.requests().size(), 3u);
}

TEST_F(HttpDoorsTest, ABombIsA413AndACutBodyA400) {
  HttpServerOptions options;
  options.limits.max_body_bytes = 1'000'000;
  RunningServer server(service_, options);
  const std::string spaces(20'000'000, ' ');
  for (const auto& [coding, bytes] :
       {std::pair<std::string, std::string>{"gzip", gzip(spaces)}, {"zstd", zstd(spaces)}}) {
    ASSERT_LT(bytes.size(), 1'000'000u);
    const std::string header = "Content-Encoding: " + coding + "\r\n";
    EXPECT_EQ(server.ask(post("/v1/completions", bytes, header)).status, 413) << coding;
    EXPECT_EQ(server.ask(post("/v1/completions", bytes.substr(0, 20), header)).status, 400) << coding;
    EXPECT_EQ(server.ask(post("/v1/completions", kChat, header)).status, 400) << coding;
    EXPECT_EQ(server.ask(post("/v1/completions", "", header)).status, 400) << coding;
  }
}

TEST_F(HttpDoorsTest, BodiesTogetherAreBounded) {
  HttpServerOptions options;
  options.limits.max_bodies_bytes = 100'000;
  RunningServer server(service_, options);
  const Reply full = server.ask(post("/v1/completions", std::string(200'000, ' ')));
  EXPECT_EQ(full.status, 503);
  EXPECT_EQ(full.header("Retry-After"), "1");
  Client client = server.connect();
  for (int i = 0; i < 20; ++i) {
    client.send(post("/v1/completions", std::string(90'000, ' ')));
    EXPECT_EQ(client.receive().status, 400) << "given back after each";
  }
}

// Canaries in every place where a client may put a secret.
TEST_F(HttpDoorsTest, NoSecretInRecordsOrReplies) {
  constexpr std::string_view kCanary = "canary7f3a";
  std::mutex mutex;
  std::string logged;
  HttpServerOptions options = with_keys();
  options.on_access = [&](const AccessRecord& r) {
    std::lock_guard lock(mutex);
    logged += r.request_id + r.remote_address + r.method + r.path + r.key_name + r.notes.model + "\n";
  };
  options.on_problem = [&](const Error& error) {
    std::lock_guard lock(mutex);
    logged += error.message + "\n";
  };
  std::string replies;
  {
    RunningServer server(service_, options);
    const std::string canary(kCanary);
    const std::string prompt = R"({"messages":[{"role":"user","content":")" + canary + "\"}]";
    for (const std::string& bytes : {
             post("/v1/chat/completions", prompt + "}", bearer(chat_)),
             post("/v1/chat/completions", prompt, bearer(chat_)),
             post("/v1/chat/completions", prompt + R"(,"temperature":")" + canary + "\"}", bearer(chat_)),
             post("/v1/completions?key=" + canary, prompt + "}", bearer(chat_)),
             post("/v1/chat/completions", prompt + "}", bearer(canary)),
             post("/v1/chat/completions", prompt + "}", "x-api-key: " + canary + "\r\n"),
             post("/v1/chat/completions", prompt + "}", "Authorization: Basic " + canary + "\r\n"),
             post("/v1/chat/completions", prompt + "}", bearer(manage_)),
             get("/v1/models", "Cookie: " + canary + "\r\n"),
             get("/v1/models", bearer(chat_) + bearer(canary)),
             canary + " / HTTP/9\r\n" + bearer(canary) + "\r\n",
         }) {
      replies += server.ask(bytes).body + "\n";
    }
    service_.play([](serving::TokenWriter& writer) {
      writer.push(testing::words("canary7f3a"));
      writer.push(testing::end_after(1, 1));
    });
    server.ask(post("/v1/chat/completions", kChat, bearer(chat_)));
  }
  EXPECT_THAT(logged, HasSubstr("laptop"));
  for (const std::string& secret : {std::string(kCanary), chat_.substr(18), manage_.substr(18)}) {
    EXPECT_THAT(logged, Not(HasSubstr(secret)));
  }
  for (const std::string& secret : {chat_.substr(18), manage_.substr(18)})
    EXPECT_THAT(replies, Not(HasSubstr(secret)));
}

}  // namespace
}  // namespace hearth::api
