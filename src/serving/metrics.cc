#include "serving/metrics.h"

#include <chrono>
#include <optional>

namespace hearth::serving {
namespace {

using Clock = std::chrono::steady_clock;

class MeteredSink : public engine::TokenSink {
 public:
  MeteredSink(std::shared_ptr<engine::TokenSink> sink, std::shared_ptr<ModelMetrics> metrics)
      : sink_(std::move(sink)), metrics_(std::move(metrics)) {}

  void on_progress(const engine::ReadProgress& now) override { sink_->on_progress(now); }

  void on_given(const engine::SampledToken& token) override { sink_->on_given(token); }

  bool on_token(const engine::SampledToken& token) override {
    const Clock::time_point now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    if (std::exchange(first_, false)) {
      metrics_->on_first_token(seconds);
    } else {
      metrics_->on_next_token(seconds);
    }
    return sink_->on_token(token);
  }

  void on_end(const engine::SequenceEnd& end) override {
    // First, so that who has seen the end of an answer finds it counted.
    metrics_->on_end({.usage = {.prompt_tokens = end.prompt_tokens,
                                .cached_tokens = end.cached_tokens,
                                .completion_tokens = end.sampled_tokens},
                      .timings = {.queue_ms = end.queue_ms,
                                  .prefill_ms = end.prefill_ms,
                                  .decode_ms = end.decode_ms,
                                  .drafted_tokens = end.drafted_tokens,
                                  .accepted_tokens = end.accepted_tokens},
                      .failed = end.reason == engine::EndReason::kFailed});
    sink_->on_end(end);
  }

 private:
  std::shared_ptr<engine::TokenSink> sink_;
  std::shared_ptr<ModelMetrics> metrics_;
  Clock::time_point last_ = Clock::now();
  bool first_ = true;
};

}  // namespace

std::shared_ptr<engine::TokenSink> metered(std::shared_ptr<engine::TokenSink> sink,
                                           std::shared_ptr<ModelMetrics> metrics) {
  return std::make_shared<MeteredSink>(std::move(sink), std::move(metrics));
}

}  // namespace hearth::serving
