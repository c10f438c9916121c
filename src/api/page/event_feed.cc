#include "api/page/event_feed.h"

#include <fmt/format.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>

namespace hearth::api::page {
namespace {

namespace asio = boost::asio;
using std::chrono::steady_clock;

constexpr std::chrono::seconds kWelcomeInterval{1};

// Wakes the coroutine from the thread that made the event; one post is under way at most.
struct Signal : std::enable_shared_from_this<Signal> {
  explicit Signal(const asio::any_io_executor& executor) : timer(executor) {}

  void raise() {
    if (raised.exchange(true)) return;
    asio::post(timer.get_executor(), [self = shared_from_this()] { self->timer.cancel(); });
  }

  asio::steady_timer timer;
  std::atomic<bool> raised = false;
};

// The notifiers go with the stream, however it ends.
class Listening {
 public:
  Listening(EventFeed& feed, ResponseWriter& writer)
      : feed_(feed), writer_(writer), signal_(std::make_shared<Signal>(writer.executor())) {
    feed_.set_notifier([signal = signal_] { signal->raise(); });
    writer_.watch([signal = signal_] { signal->timer.cancel(); });
  }
  ~Listening() {
    feed_.set_notifier(nullptr);
    writer_.watch(nullptr);
  }
  Listening(const Listening&) = delete;

  // What there is now. What comes later wakes wait().
  std::string take() {
    signal_->raised = false;
    return feed_.take();
  }
  Task<void> wait(steady_clock::time_point until) {
    if (signal_->raised) co_return;
    boost::system::error_code ignored;
    signal_->timer.expires_at(until);
    co_await signal_->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

 private:
  EventFeed& feed_;
  ResponseWriter& writer_;
  const std::shared_ptr<Signal> signal_;
};

}  // namespace

std::string server_sent_event(std::string_view type, std::string_view data, int64_t id) {
  if (id == 0) return fmt::format("event: {}\ndata: {}\n\n", type, data);
  return fmt::format("id: {}\nevent: {}\ndata: {}\n\n", id, type, data);
}

Task<void> stream_events(EventFeed& feed, EventStreamOptions options, ResponseWriter& writer) {
  HttpResponse head;
  head.content_type = "text/event-stream; charset=utf-8";
  head.headers.emplace_back("Cache-Control", "no-store");
  head.headers.emplace_back("X-Accel-Buffering", "no");
  co_await writer.begin_stream(std::move(head));
  // The first byte tells the page that the connection stands.
  if (!co_await writer.write(": hello\n\n")) co_return;
  Listening listening(feed, writer);
  auto last_write = steady_clock::now();
  auto last_welcome = last_write;
  for (;;) {
    const Interruption interruption = writer.interruption();
    if (interruption == Interruption::kDisconnected) co_return;
    if (interruption == Interruption::kShutdown) break;
    const auto now = steady_clock::now();
    if (options.welcome && now - last_welcome >= kWelcomeInterval) {
      if (!options.welcome()) break;
      last_welcome = now;
    }
    const bool ended = feed.ended();  // before taking: what came before the end is taken
    std::string text = listening.take();
    if (text.empty() && ended) break;
    if (text.empty() && now - last_write >= options.heartbeat) text = ": still here\n\n";
    if (!text.empty()) {
      if (!co_await writer.write(std::move(text))) co_return;
      last_write = steady_clock::now();
      continue;
    }
    auto until = last_write + options.heartbeat;
    if (options.welcome) until = std::min(until, last_welcome + kWelcomeInterval);
    co_await listening.wait(until);
  }
  co_await writer.finish();
}

}  // namespace hearth::api::page
