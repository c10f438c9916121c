#include "api/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>

#include "api/status_routes.h"
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
  EXPECT_THAT(server.ask(get("/", "Accept: text/html,*/*\r\n")).body, HasSubstr("Hearth is running"));
  EXPECT_EQ(server.ask(get("/")).body, "Ollama is running");
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

TEST_F(HttpServerTest, HealthSaysWhatIsStillLoading) {
  const auto readiness = std::make_shared<Readiness>();
  readiness->begin("qwen3");
  readiness->progress(30, 100);
  Router router;
  add_status_routes(router, service_, readiness);
  HttpServerOptions options;
  options.port = 0;
  auto server = HttpServer::create(options, std::move(router));
  ASSERT_TRUE(server);
  std::thread thread([&] { (*server)->run(); });
  Client client((*server)->port());
  client.send(get("/health"));
  const Reply reply = client.receive();
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.header("Retry-After"), "1");
  EXPECT_EQ(
      reply.body,
      R"({"error":{"message":"loading qwen3","type":"unavailable_error","param":null,"code":"loading"},"status":"loading","model":"qwen3","loaded_bytes":30,"total_bytes":100})");
  readiness->ready();
  client.send(get("/health"));
  EXPECT_EQ(client.receive().body, R"({"status":"ok"})");
  (*server)->stop(milliseconds(0));
  thread.join();
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

// Counts, and refuses a piece with an exclamation mark.
class CountingSink : public BodySink {
 public:
  Task<std::optional<ApiError>> write(std::string bytes) override {
    n_pieces += 1;
    n_bytes += bytes.size();
    if (bytes.find('!') != std::string::npos) co_return http_error(409, "no exclamations");
    co_return std::nullopt;
  }
  size_t n_pieces = 0, n_bytes = 0;
};

TEST_F(HttpServerTest, UploadsGoToTheirSinkWhileTheyCome) {
  Router router;
  router.add_upload(
      "POST", "/upload/*", Scope::kOpen,
      [](const HttpRequest& request, std::shared_ptr<BodySink>& sink) -> Task<std::optional<ApiError>> {
        if (request.path.ends_with("/no")) co_return http_error(400, "not this one");
        sink = std::make_shared<CountingSink>();
        co_return std::nullopt;
      },
      [](const HttpRequest& request, ResponseWriter& writer) {
        HttpResponse response;
        const auto* sink = dynamic_cast<const CountingSink*>(request.sink.get());
        response.body = fmt::format("{} {} {}", sink->n_bytes, sink->n_pieces > 3, request.body.size());
        return writer.send(std::move(response));
      });
  HttpServerOptions options;
  options.limits.max_body_bytes = 64 * 1024;
  options.limits.max_upload_bytes = 4 << 20;
  RunningServer server(std::move(router), options);
  const auto head = [](std::string_view path, std::string_view length) {
    return fmt::format("POST {} HTTP/1.1\r\nHost: localhost\r\n{}\r\n\r\n", path, length);
  };
  const std::string megabyte(1 << 20, 'x');
  Client client = server.connect();
  client.send(head("/upload/a", "Content-Length: 1048576") + megabyte);
  EXPECT_EQ(client.receive().body, "1048576 true 0");
  client.send(head("/upload/a", "Transfer-Encoding: chunked") + "3\r\nabc\r\n100000\r\n" + megabyte +
              "\r\n0\r\n\r\n");
  EXPECT_EQ(client.receive().body, "1048579 true 0");
  client.send(head("/upload/a", "Content-Length: 0"));
  EXPECT_EQ(client.receive().body, "0 false 0");

  Client refused = server.connect();
  refused.send(head("/upload/a", "Content-Length: 3000000") + "a!");
  EXPECT_EQ(refused.receive().status, 409);
  Client unwanted = server.connect();
  unwanted.send(head("/upload/no", "Content-Length: 3000000"));
  EXPECT_EQ(unwanted.receive().status, 400);
  Client too_long = server.connect();
  too_long.send(head("/upload/a", "Content-Length: 5000000"));
  EXPECT_THAT(too_long.receive().body, HasSubstr("longer than 4194304 bytes"));
  Client too_long_in_chunks = server.connect();
  too_long_in_chunks.send(head("/upload/a", "Transfer-Encoding: chunked"));
  for (int i = 0; i < 5; ++i) too_long_in_chunks.send("100000\r\n" + megabyte + "\r\n");
  EXPECT_EQ(too_long_in_chunks.receive().status, 413);
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
