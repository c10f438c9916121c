#include "api/ollama/progress_stream.h"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "api/error_response.h"
#include "api/ollama/wire.h"

namespace hearth::api::ollama {
namespace {

namespace asio = boost::asio;
using std::chrono::steady_clock;

// What the coroutine sleeps on; touched on its strand only.
struct Waiter {
  explicit Waiter(const asio::any_io_executor& executor) : timer(executor) {}
  void raise() {
    raised = true;
    timer.cancel();
  }

  asio::steady_timer timer;
  bool raised = false;
};

// Between the worker's thread and the connection's strand. The worker may be the last to let go of it, when
// the server's threads are gone: what belongs to the strand leaves with the coroutine.
struct Channel {
  explicit Channel(std::shared_ptr<Waiter> sleeper) : waiter(std::move(sleeper)) {}

  // On the worker. False: nobody wants to hear more.
  bool report(const Json& line) {
    const std::lock_guard lock(mutex);
    lines += dump(line) + "\n";
    wake();
    return waiter != nullptr;
  }
  void finish(Status status) {
    const std::lock_guard lock(mutex);
    result = std::move(status);
    wake();
  }
  // On the strand.
  void abandon() {
    const std::lock_guard lock(mutex);
    waiter.reset();
  }

  std::mutex mutex;              // of all members
  std::string lines;             // not sent yet
  std::optional<Status> result;  // when the job has ended
  std::shared_ptr<Waiter> waiter;

 private:
  void wake() {
    if (waiter) asio::post(waiter->timer.get_executor(), [sleeper = waiter] { sleeper->raise(); });
  }
};

std::string last_line(std::string lines) {
  lines.pop_back();
  return lines.substr(lines.rfind('\n') + 1);
}

}  // namespace

Task<void> reply_with_progress(Worker& worker, Job job, bool stream, ResponseWriter& writer) {
  const auto waiter = std::make_shared<Waiter>(writer.executor());
  const auto channel = std::make_shared<Channel>(waiter);
  struct Abandon {  // also when the coroutine is destroyed
    std::shared_ptr<Channel> channel;
    ~Abandon() { channel->abandon(); }
  } const abandon{channel};
  writer.watch([waiter] { waiter->raise(); });
  worker.post([channel, job = std::move(job)] {
    Status done;
    try {
      done = job([&](const Json& line) { return channel->report(line); });
    } catch (const std::exception& error) {  // no memory, no thread to be had
      done = hearth::fail(ErrorCategory::kOverloaded, "the machine has no room for this: {}", error.what());
    }
    channel->finish(std::move(done));
  });

  std::string last;
  boost::system::error_code ignored;
  for (;;) {
    if (writer.interruption() == Interruption::kDisconnected) co_return;
    std::string lines;
    std::optional<Status> result;
    {
      const std::lock_guard lock(channel->mutex);
      lines.swap(channel->lines);
      result = channel->result;
    }
    if (writer.interruption() == Interruption::kShutdown) {
      result = hearth::fail(ErrorCategory::kOverloaded, "the server is shutting down");
    }
    if (!lines.empty()) last = last_line(lines);
    if (result && !*result) {
      const ApiError error = from_error(result->error());
      if (!writer.started()) {
        writer.watch(nullptr);
        co_await writer.fail(error);
        co_return;
      }
      lines += error_text(error) + "\n";
    }
    if (stream && !lines.empty()) {
      if (!writer.started()) {
        HttpResponse head;
        head.content_type = "application/x-ndjson";
        co_await writer.begin_stream(std::move(head));
      }
      if (!co_await writer.write(std::move(lines))) co_return;
    }
    if (result) break;
    if (!waiter->raised) {
      waiter->timer.expires_at(steady_clock::time_point::max());
      co_await waiter->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    waiter->raised = false;
  }
  writer.watch(nullptr);
  if (writer.started()) {
    co_await writer.finish();
  } else {
    HttpResponse response;
    response.body = last;
    co_await writer.send(std::move(response));
  }
}

}  // namespace hearth::api::ollama
