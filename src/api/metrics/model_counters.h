// The counters of one model.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <string>

#include "serving/metrics.h"

namespace hearth::api {

// What a model's counters add up to.
struct TokenTotals {
  double prompt_tokens = 0;  // computed ones
  double prompt_seconds = 0;
  double generated_tokens = 0;
  double generation_seconds = 0;
  double drafted_tokens = 0;
  double accepted_tokens = 0;

  TokenTotals& operator+=(const TokenTotals& other);
};

class ModelCounters : public serving::ModelMetrics {
 public:
  // Registers what is not there yet, with the label model = `name`.
  ModelCounters(prometheus::Registry& registry, const std::string& name);

  void on_load() override { loads_.Increment(); }
  void on_unload() override { unloads_.Increment(); }
  void on_first_token(double seconds) override { first_token_.Observe(seconds); }
  void on_next_token(double seconds) override { next_token_.Observe(seconds); }
  void on_end(const serving::GenerationRecord& record) override;

  TokenTotals totals() const;

 private:
  prometheus::Counter& loads_;
  prometheus::Counter& unloads_;
  prometheus::Histogram& first_token_;
  prometheus::Histogram& next_token_;
  prometheus::Counter& completed_;
  prometheus::Counter& failed_;
  prometheus::Counter& prefix_hits_;
  prometheus::Counter& prompt_tokens_;
  prometheus::Counter& cached_tokens_;
  prometheus::Counter& generated_tokens_;
  prometheus::Counter& drafted_tokens_;
  prometheus::Counter& accepted_tokens_;
  prometheus::Counter& queue_seconds_;
  prometheus::Counter& prompt_seconds_;
  prometheus::Counter& generation_seconds_;
};

}  // namespace hearth::api
