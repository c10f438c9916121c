#include "serving/metrics.h"

#include <gtest/gtest.h>

namespace hearth::serving {
namespace {

class CountingMetrics : public ModelMetrics {
 public:
  void on_load() override {}
  void on_unload() override {}
  void on_first_token(double seconds) override { first.push_back(seconds); }
  void on_next_token(double seconds) override { next.push_back(seconds); }
  void on_end(const GenerationRecord& record) override { ends.push_back(record); }

  std::vector<double> first, next;
  std::vector<GenerationRecord> ends;
};

class CollectingSink : public engine::TokenSink {
 public:
  bool on_token(const engine::SampledToken&) override { return ++n_tokens < 3; }
  void on_end(const engine::SequenceEnd&) override { ended = true; }

  int n_tokens = 0;
  bool ended = false;
};

TEST(MeteredSink, TellsWhatPassesThrough) {
  const auto metrics = std::make_shared<CountingMetrics>();
  const auto inner = std::make_shared<CollectingSink>();
  const auto sink = metered(inner, metrics);
  EXPECT_TRUE(sink->on_token({}));
  EXPECT_TRUE(sink->on_token({}));
  EXPECT_FALSE(sink->on_token({}));
  engine::SequenceEnd end;
  end.reason = engine::EndReason::kSinkStopped;
  end.prompt_tokens = 7;
  end.sampled_tokens = 3;
  end.prefill_ms = 4;
  sink->on_end(end);
  EXPECT_EQ(inner->n_tokens, 3);
  EXPECT_TRUE(inner->ended);
  EXPECT_EQ(metrics->first.size(), 1u);
  EXPECT_EQ(metrics->next.size(), 2u);
  for (const double seconds : metrics->next) EXPECT_GE(seconds, 0);
  ASSERT_EQ(metrics->ends.size(), 1u);
  EXPECT_EQ(metrics->ends[0].usage.prompt_tokens, 7);
  EXPECT_EQ(metrics->ends[0].usage.completion_tokens, 3);
  EXPECT_EQ(metrics->ends[0].timings.prefill_ms, 4);
  EXPECT_FALSE(metrics->ends[0].failed);
}

TEST(MeteredSink, AFailureIsOne) {
  const auto metrics = std::make_shared<CountingMetrics>();
  const auto sink = metered(std::make_shared<CollectingSink>(), metrics);
  engine::SequenceEnd end;
  end.error = Error{ErrorCategory::kCancelled, "gone"};
  sink->on_end(end);
  EXPECT_TRUE(metrics->first.empty());
  EXPECT_TRUE(metrics->ends[0].failed);
}

}  // namespace
}  // namespace hearth::serving
