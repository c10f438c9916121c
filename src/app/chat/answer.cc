#include "app/chat/answer.h"

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace hearth::app {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kBetweenLooks = std::chrono::milliseconds(100);

std::string rate(int64_t tokens, double ms) {
  return ms > 0 && tokens > 0 ? fmt::format(", {:.1f} tokens/s", static_cast<double>(tokens) / ms * 1000)
                              : "";
}

}  // namespace

Answer take_answer(serving::TokenStream stream, const AnswerWatcher& watcher) {
  Answer answer;
  std::mutex mutex;
  std::condition_variable changed;
  bool ready = false;
  stream.set_notifier([&] {
    const std::lock_guard lock(mutex);
    ready = true;
    changed.notify_one();
  });
  const auto start = Clock::now();
  while (!answer.end && !answer.error) {
    if (auto event = stream.try_next()) {
      if (auto* delta = std::get_if<serving::TextDelta>(&*event)) {
        if (answer.stopped || delta->text.empty()) continue;  // what nobody saw was not said
        answer.text += delta->text;
        watcher.on_text(delta->text);
      } else if (auto* thought = std::get_if<serving::ReasoningDelta>(&*event)) {
        if (answer.stopped || thought->text.empty()) continue;
        answer.reasoning += thought->text;
        if (watcher.on_reasoning) watcher.on_reasoning(thought->text);
      } else if (auto* end = std::get_if<serving::GenerationEnd>(&*event)) {
        answer.end = std::move(*end);
      } else if (auto* error = std::get_if<Error>(&*event)) {
        answer.error = std::move(*error);
      }
    } else {
      std::unique_lock lock(mutex);
      changed.wait_for(lock, kBetweenLooks, [&] { return ready; });
      ready = false;
    }
    if (!answer.stopped && watcher.wants_stop && watcher.wants_stop()) {
      answer.stopped = true;
      stream.cancel();
    }
    if (answer.text.empty() && !answer.stopped && watcher.on_waiting) {
      watcher.on_waiting(std::chrono::duration<double>(Clock::now() - start).count());
    }
  }
  stream.set_notifier(nullptr);
  return answer;
}

std::string timing_line(const serving::GenerationEnd& end) {
  const int64_t computed = end.usage.prompt_tokens - end.usage.cached_tokens;
  const std::string reused =
      end.usage.cached_tokens > 0 ? fmt::format(" ({} reused)", end.usage.cached_tokens) : "";
  const std::string drafts = end.timings.drafted_tokens > 0
                                 ? fmt::format("; {} of {} drafted tokens were right",
                                               end.timings.accepted_tokens, end.timings.drafted_tokens)
                                 : "";
  return fmt::format(
      "prompt {} tokens{} in {:.2f} s{}; answer {} tokens in {:.2f} s{}{}", end.usage.prompt_tokens, reused,
      end.timings.prefill_ms / 1000, rate(computed, end.timings.prefill_ms), end.usage.completion_tokens,
      end.timings.decode_ms / 1000, rate(end.usage.completion_tokens, end.timings.decode_ms), drafts);
}

}  // namespace hearth::app
