#include "serving/token_stream.h"

#include <condition_variable>
#include <deque>
#include <mutex>

namespace hearth::serving {

struct TokenStream::State {
  std::mutex mutex;
  std::condition_variable ready;
  std::deque<GenerationEvent> events;
  std::function<void()> notifier;
  std::function<void()> on_cancel;
  std::vector<std::function<void(GenerationEvent&)>> before_end;
  bool cancelled = false;

  std::optional<GenerationEvent> take() {
    if (events.empty()) return std::nullopt;
    GenerationEvent event = std::move(events.front());
    events.pop_front();
    return event;
  }
};

std::pair<TokenStream, TokenWriter> TokenStream::create() {
  auto state = std::make_shared<State>();
  return {TokenStream(state), TokenWriter(state)};
}

TokenStream::~TokenStream() {
  if (!state_) return;
  set_notifier(nullptr);
  cancel();
}

GenerationEvent TokenStream::next() {
  std::unique_lock lock(state_->mutex);
  state_->ready.wait(lock, [&] { return !state_->events.empty(); });
  return *state_->take();
}

std::optional<GenerationEvent> TokenStream::try_next() {
  std::lock_guard lock(state_->mutex);
  return state_->take();
}

void TokenStream::set_notifier(std::function<void()> notifier) {
  std::lock_guard lock(state_->mutex);
  state_->notifier = std::move(notifier);
  if (state_->notifier && !state_->events.empty()) state_->notifier();
}

void TokenStream::cancel() {
  std::function<void()> on_cancel;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->cancelled) return;
    state_->cancelled = true;
    on_cancel = std::move(state_->on_cancel);
  }
  if (on_cancel) on_cancel();
}

void TokenWriter::push(GenerationEvent event) {
  if (is_end(event)) {
    std::vector<std::function<void(GenerationEvent&)>> before_end;
    {
      std::lock_guard lock(state_->mutex);
      before_end.swap(state_->before_end);
    }
    for (const auto& amend : before_end) amend(event);
  }
  std::lock_guard lock(state_->mutex);
  state_->events.push_back(std::move(event));
  state_->ready.notify_one();
  if (state_->notifier) state_->notifier();
}

void TokenWriter::before_end(std::function<void(GenerationEvent&)> amend) {
  std::lock_guard lock(state_->mutex);
  state_->before_end.push_back(std::move(amend));
}

bool TokenWriter::cancelled() const {
  std::lock_guard lock(state_->mutex);
  return state_->cancelled;
}

void TokenWriter::set_on_cancel(std::function<void()> on_cancel) {
  {
    std::lock_guard lock(state_->mutex);
    if (!state_->cancelled) {
      state_->on_cancel = std::move(on_cancel);
      return;
    }
  }
  on_cancel();
}

}  // namespace hearth::serving
