#include "api/http_connection.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include "api/client_stream.h"
#include "api/client_watch.h"
#include "api/connection_deadline.h"
#include "api/error_response.h"
#include "api/http_exchange.h"
#include "api/http_reply.h"
#include "api/request_head.h"
#include "api/request_reader.h"
#include "base/random_id.h"

namespace hearth::api {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr size_t kBufferLimit = 256 * 1024;
constexpr milliseconds kLingerTime{2'000};  // for a client that still sends when its request was refused

bool is_plain_http(const error_code& error) {
  return error.category() == asio::error::get_ssl_category() &&
         ERR_GET_REASON(static_cast<unsigned long>(error.value())) == SSL_R_HTTP_REQUEST;
}

class Connection : public HttpConnection,
                   private ReplyChannel,
                   public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, ConnectionContext& context, std::function<void()> on_closed)
      : stream_(std::move(socket), context.tls ? &context.tls->current() : nullptr),
        deadline_(stream_.get_executor()),
        watch_(stream_, buffer_, [this] { client_gone(); }),
        context_(context),
        on_closed_(std::move(on_closed)) {
    error_code ignored;
    remote_ = stream_.socket().remote_endpoint(ignored).address().to_string();
    local_ = stream_.socket().local_endpoint(ignored).address().to_string();
  }
  ~Connection() override { on_closed_(); }

  void start() override {
    auto self = shared_from_this();
    asio::co_spawn(
        stream_.get_executor(), [self] { return self->run(); }, asio::detached);
    asio::co_spawn(
        stream_.get_executor(),
        [self] {
          return self->deadline_.enforce([connection = self.get()] { connection->deadline_passed(); });
        },
        asio::detached);
  }
  void close_when_idle() override {
    on_strand([this] {
      if (idle_) close();
    });
  }
  void interrupt() override {
    on_strand([this] { watch_.interrupt(Interruption::kShutdown); });
  }
  void abort() override {
    on_strand([this] { client_gone(); });
  }

 private:
  template <typename F>
  void on_strand(F f) {
    asio::post(stream_.get_executor(), [self = shared_from_this(), f = std::move(f)] { f(); });
  }

  const HttpLimits& limits() const { return context_.options.limits; }

  void deadline_passed() {
    error_code ignored;
    if (writing_) {
      client_gone();
    } else {
      stream_.socket().cancel(ignored);  // the reader answers 408
    }
  }

  void close() {
    if (closed_) return;
    closed_ = true;
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
    stream_.socket().close(ignored);
    deadline_.end();
  }

  void client_gone() {
    close();
    watch_.interrupt(Interruption::kDisconnected);
  }

  // --- what the reply to a request needs (ReplyChannel) ---

  bool closed() const override { return closed_; }
  bool ending() const override { return context_.stopping; }
  HttpResponse error_reply_to(const HttpRequest& request, const ApiError& error) const override {
    return context_.router.error(error, request);
  }
  void watch(std::function<void()> on_interruption) override {
    watch_.begin(std::move(on_interruption), shared_from_this());
  }
  Interruption interruption() const override { return watch_.interruption(); }
  asio::any_io_executor executor() override { return stream_.get_executor(); }

  Task<bool> write_bytes(std::string bytes) override {
    if (closed_) co_return false;
    error_code error;
    writing_ = true;
    deadline_.set(limits().write_timeout);
    sent_bytes_ += co_await asio::async_write(stream_, asio::buffer(bytes),
                                              asio::redirect_error(asio::use_awaitable, error));
    writing_ = false;
    deadline_.clear();
    if (error) client_gone();
    co_return !error;
  }

  // --- reading ---

  Task<void> run() {
    // Also when the coroutine is destroyed instead of finished: the deadline's coroutine ends with close().
    struct Closer {
      std::shared_ptr<Connection> connection;
      ~Closer() { connection->close(); }
    };
    const Closer closer{shared_from_this()};
    try {
      if (stream_.is_tls() && !co_await shake_hands()) co_return;
      while (co_await serve_one()) first_ = false;
      if (stream_.is_tls() && !closed_) co_await say_goodbye();
    } catch (const std::exception&) {
      // Out of memory at worst; this connection ends, others go on.
    }
  }

  // --- TLS ---

  Task<bool> shake_hands() {
    error_code error;
    idle_ = true;  // nothing is lost if the server ends now
    deadline_.set(limits().header_timeout);
    co_await stream_.async_handshake(asio::redirect_error(asio::use_awaitable, error));
    idle_ = false;
    deadline_.clear();
    if (is_plain_http(error)) {
      constexpr std::string_view kReply =
          "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 47\r\nConnection: "
          "close\r\n\r\n"
          "This port speaks HTTPS: use https:// to ask it\n";
      deadline_.set(kLingerTime);
      co_await asio::async_write(stream_.socket(), asio::buffer(kReply),
                                 asio::redirect_error(asio::use_awaitable, error));
      co_await linger();
      co_return false;
    }
    co_return !error && !deadline_.passed();
  }

  // Without it a client cannot tell the end of a reply that has no length from an attacker's cut.
  Task<void> say_goodbye() {
    error_code ignored;
    deadline_.set(kLingerTime);
    co_await stream_.async_shutdown(asio::redirect_error(asio::use_awaitable, ignored));
  }

  // --- requests ---

  // True: the connection can take another request.
  Task<bool> serve_one() {
    if (context_.stopping || closed_) co_return false;
    error_code error;
    if (buffer_.size() == 0) {
      idle_ = true;
      deadline_.set(first_ ? limits().header_timeout : limits().idle_timeout);
      const size_t n = co_await stream_.async_read_some(buffer_.prepare(ClientWatch::kOneRead),
                                                        asio::redirect_error(asio::use_awaitable, error));
      idle_ = false;
      if (error || deadline_.passed()) co_return false;
      buffer_.commit(n);
    }
    started_ = steady_clock::now();
    sent_bytes_ = 0;
    watch_.reset();
    client_ = remote_;

    RequestReader reader(stream_, buffer_, deadline_, limits());
    HttpRequest request;
    request.id = random_id("req_");
    if (const auto failure = co_await reader.read_head(request)) co_return co_await refuse(*failure, nullptr);
    client_ = context_.proxies.client_of(remote_, request);
    request.secure = stream_.is_tls() || context_.proxies.came_through_tls(remote_, request);
    const bool http_1_0 = reader.is_http_1_0();
    if (auto bad = check_head(request, reader.target(), http_1_0, limits(), context_.policy, local_)) {
      co_return co_await refuse(*bad, &request);
    }
    const OpenSink* open_sink = context_.router.sink_of(request);
    const uint64_t max_body_bytes =
        open_sink != nullptr ? limits().max_upload_bytes : uint64_t{limits().max_body_bytes};
    if (declared_length(request) > max_body_bytes) {
      co_return co_await refuse(body_too_long(max_body_bytes), &request);
    }
    if (auto bad = open_sink == nullptr ? check_media_type(request) : std::nullopt) {
      co_return co_await refuse(*bad, &request);
    }
    const Scope scope = context_.router.scope_of(request);
    if (auto bad = check_page(request, scope, context_.policy)) co_return co_await refuse(*bad, &request);
    auto admission = context_.doorkeeper->admit(request, scope, client_);
    if (const auto* bad = std::get_if<ApiError>(&admission)) co_return co_await refuse(*bad, &request);
    if (reader.has_unread_body() && !context_.router.has_handler(request)) {
      co_await answer(request, http_1_0, false);
      co_await linger();
      co_return false;
    }
    if (open_sink != nullptr) {
      if (const auto bad = co_await (*open_sink)(request, request.sink))
        co_return co_await refuse(*bad, &request);
    }
    if (std::string_view expect = request.header("expect"); !expect.empty() && reader.has_unread_body()) {
      if (!beast::iequals(expect, "100-continue")) {
        const ApiError bad = http_error(417, "the only expectation this server meets is 100-continue");
        co_return co_await refuse(bad, &request);
      }
      if (!co_await write_bytes("HTTP/1.1 100 Continue\r\n\r\n")) co_return false;
    }
    BodyBudget::Share share(context_.body_budget);
    if (const auto failure = co_await reader.read_body(request, share)) {
      co_return co_await refuse(*failure, &request);
    }
    co_return co_await answer(request, http_1_0, reader.keep_alive());
  }

  Task<bool> answer(const HttpRequest& request, bool http_1_0, bool keep_alive) {
    HttpExchange exchange(*this, request, http_1_0, keep_alive);
    std::string failure;
    try {
      co_await context_.router.handle(request, exchange);
    } catch (const std::bad_alloc&) {
      failure = "not enough memory for this request";
    } catch (const std::exception&) {
      failure = "an internal error; the request was dropped";
    }
    co_await watch_.end();
    if (!exchange.started() && interruption() != Interruption::kDisconnected) {
      ApiError error = http_error(500, failure.empty() ? "the request got no answer" : failure);
      co_await exchange.fail(error);
    }
    const bool left = !exchange.complete();
    log(request, left && interruption() == Interruption::kDisconnected ? 499 : exchange.status(),
        exchange.notes());
    co_return exchange.complete() && exchange.keep_alive() && !context_.stopping && !deadline_.passed() &&
        !closed_;
  }

  // The request could not be read.
  Task<bool> refuse(const RequestReader::Failure& failure, const HttpRequest* request) {
    if (!failure.reply) co_return false;
    co_return co_await refuse(*failure.reply, request);
  }

  // An error reply after which the connection ends, with the rest of the request unread.
  Task<bool> refuse(const ApiError& error, const HttpRequest* request) {
    const HttpRequest unread;
    const HttpResponse response = context_.router.error(error, request != nullptr ? *request : unread);
    ReplyFraming framing;
    framing.keep_alive = false;
    framing.content_length = response.body.size();
    // A foreign page gets no CORS headers, so that its script cannot read the reply.
    const bool shows =
        request != nullptr &&
        context_.policy.origin_allowed(request->header("origin"), request->header("host"), request->secure);
    std::string reply = reply_head(response, framing, shows ? request : nullptr);
    if (request == nullptr || request->method != "HEAD") reply += response.body;
    const bool written = co_await write_bytes(std::move(reply));
    log(request != nullptr ? *request : unread, error.status, RequestNotes());
    if (written) co_await linger();
    co_return false;
  }

  // Closing with unread input makes the kernel send a reset, which can overtake the reply. What still comes
  // is thrown away as it is, also under TLS.
  Task<void> linger() {
    error_code error;
    stream_.socket().shutdown(tcp::socket::shutdown_send, error);
    deadline_.set(kLingerTime);
    std::array<char, 16 * 1024> scratch;
    for (size_t total = 0; !error && !deadline_.passed() && total < limits().max_body_bytes * 2;) {
      total += co_await stream_.socket().async_read_some(asio::buffer(scratch),
                                                         asio::redirect_error(asio::use_awaitable, error));
    }
    close();
  }

  void log(const HttpRequest& request, int status, const RequestNotes& notes) {
    if (!context_.options.on_access) return;
    AccessRecord record;
    record.request_id = request.id;
    record.remote_address = client_;
    record.method = printable(request.method);
    record.path = printable(request.path);
    record.status = status;
    record.duration_ms = std::chrono::duration<double, std::milli>(steady_clock::now() - started_).count();
    record.sent_bytes = sent_bytes_;
    record.key_name = request.owner_name;
    record.notes = notes;
    context_.options.on_access(record);
  }

  ClientStream stream_;
  beast::flat_buffer buffer_{kBufferLimit};
  ConnectionDeadline deadline_;
  bool writing_ = false;
  bool idle_ = false;
  bool first_ = true;
  bool closed_ = false;

  ClientWatch watch_;
  steady_clock::time_point started_;
  uint64_t sent_bytes_ = 0;
  std::string remote_, local_;
  std::string client_;  // of the request: remote_, or whom a trusted proxy names
  ConnectionContext& context_;
  std::function<void()> on_closed_;
};

}  // namespace

std::shared_ptr<HttpConnection> HttpConnection::create(tcp::socket socket, ConnectionContext& context,
                                                       std::function<void()> on_closed) {
  return std::make_shared<Connection>(std::move(socket), context, std::move(on_closed));
}

}  // namespace hearth::api
