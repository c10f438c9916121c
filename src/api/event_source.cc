#include "api/event_source.h"

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace hearth::api {
namespace asio = boost::asio;

// Shared with the producer's notifier. Posts to the strand are coalesced: one is under way at most, until the
// coroutine looks at the streams again.
struct EventSource::Signal : std::enable_shared_from_this<EventSource::Signal> {
  explicit Signal(const asio::any_io_executor& executor) : timer(executor) {}

  void raise() {
    if (raised.exchange(true)) return;
    asio::post(timer.get_executor(), [self = shared_from_this()] { self->timer.cancel(); });
  }

  asio::steady_timer timer;
  std::atomic<bool> raised = false;
};

EventSource::EventSource(ResponseWriter& writer, std::vector<serving::TokenStream> streams)
    : writer_(writer), signal_(std::make_shared<Signal>(writer.executor())) {
  streams_.reserve(streams.size());
  for (serving::TokenStream& stream : streams) {
    streams_.emplace_back(std::move(stream));
    streams_.back()->set_notifier([signal = signal_] { signal->raise(); });
  }
  writer_.watch([signal = signal_] { signal->timer.cancel(); });
}

EventSource::~EventSource() {
  writer_.watch(nullptr);
}

std::optional<StreamEvent> EventSource::poll() {
  for (size_t i = 0; i < streams_.size(); ++i) {
    const size_t index = (turn_ + i) % streams_.size();
    if (!streams_[index]) continue;
    std::optional<serving::GenerationEvent> event = streams_[index]->try_next();
    if (!event) continue;
    turn_ = index + 1;
    if (serving::is_end(*event)) streams_[index].reset();
    return StreamEvent{index, std::move(*event)};
  }
  return std::nullopt;
}

Task<NextEvent> EventSource::next(std::chrono::steady_clock::time_point until) {
  boost::system::error_code ignored;
  for (;;) {
    if (const Interruption interruption = writer_.interruption(); interruption != Interruption::kNone) {
      co_return NextEvent(interruption);
    }
    signal_->raised = false;  // before looking: what comes after the look raises it again
    if (std::optional<StreamEvent> event = poll()) co_return NextEvent(std::move(*event));
    if (std::chrono::steady_clock::now() >= until) co_return NextEvent(Quiet());
    signal_->timer.expires_at(until);
    co_await signal_->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

}  // namespace hearth::api
