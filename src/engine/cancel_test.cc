// Sequences that leave in the middle of a step.
#include <gtest/gtest.h>

#include "engine/testing/test_model.h"

namespace hearth::engine {
namespace {

class CancelTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    model_ = TestModel::open(GetParam());
    ASSERT_TRUE(model_);
  }

  // The prompt's text differs from sequence to sequence, as none shall find another's.
  static EngineRequest request(int64_t n_prompt, int32_t first, int64_t max_tokens) {
    EngineRequest work{.max_tokens = max_tokens};
    work.sampling.seed = 42;
    for (int32_t i = 0; i < n_prompt; ++i) work.prompt.push_back(3 + (first + 7 * i) % 200);
    return work;
  }

  std::unique_ptr<TestModel> model_;
};

// One pass over the first rows of several sequences. Of some rows logits are wanted.
class PassOfSequences {
 public:
  PassOfSequences(const model::Model& model, const std::vector<int64_t>& n_rows)
      : model_(model), backend_(tensor::create_cpu_backend(*kernels::available_kernels().front(), threads_)) {
    auto cache = KvCache::create(model.config(), {.context_length = 256, .n_contexts = 4}, *backend_);
    auto state = model::RunState::create(model.config(), {}, *backend_);
    EXPECT_TRUE(cache && state);
    cache_.emplace(std::move(*cache));
    state_.emplace(std::move(*state));
    blocks_.resize(n_rows.size());
    for (size_t s = 0; s < n_rows.size(); ++s) add_sequence(s, n_rows[s]);
  }
  ~PassOfSequences() {
    for (SequenceBlocks& blocks : blocks_) cache_->release(blocks);
  }

  // Where `dropped` leave at the n-th look at the flag.
  std::vector<float> run_without(const std::vector<int32_t>& dropped, int at_look, int* n_looks) {
    std::atomic<bool> interrupted{true};
    std::vector<int32_t> left = sequence_;
    int look = 0;
    const auto still_wanted = [&] {
      std::vector<int32_t> wanted;
      for (size_t row = 0; row < left.size(); ++row) {
        const bool drops = std::find(dropped.begin(), dropped.end(), left[row]) != dropped.end();
        if (look < at_look || !drops) wanted.push_back(static_cast<int32_t>(row));
      }
      std::vector<int32_t> now_left;
      for (const int32_t row : wanted) now_left.push_back(left[static_cast<size_t>(row)]);
      left = std::move(now_left);
      ++look;
      return wanted;
    };
    auto logits = model_.forward({.tokens = tokens_,
                                  .rows = {.sequence = sequence_, .position = position_, .sequences = views_},
                                  .output_rows = outputs_,
                                  .kv = cache_->layers(),
                                  .interrupted = &interrupted,
                                  .still_wanted = still_wanted},
                                 *state_, *backend_, *communicator_);
    EXPECT_TRUE(logits) << logits.error().message;
    *n_looks = look;
    std::vector<float> values;
    for (int64_t row = 0; row < logits->n_rows; ++row) {
      // Logits of sequences that were dropped too late are there as well; only the others are compared.
      if (look <= at_look &&
          std::find(dropped.begin(), dropped.end(),
                    sequence_[static_cast<size_t>(outputs_[static_cast<size_t>(row)])]) != dropped.end()) {
        continue;
      }
      values.insert(values.end(), logits->row(row), logits->row(row) + logits->n_cols);
    }
    return values;
  }

 private:
  void add_sequence(size_t s, int64_t n_rows) {
    EXPECT_TRUE(cache_->extend(blocks_[s], n_rows));
    for (int32_t i = 0; i < n_rows; ++i) {
      tokens_.push_back(static_cast<int32_t>(3 + (31 * s + 7 * static_cast<size_t>(i)) % 200));
      sequence_.push_back(static_cast<int32_t>(s));
      position_.push_back(i);
      if (s != 1 && (i == n_rows - 1 || i == n_rows / 2))
        outputs_.push_back(static_cast<int32_t>(tokens_.size()) - 1);
    }
    views_.push_back(blocks_[s].view(n_rows));
  }

  const model::Model& model_;
  ThreadPool threads_{2};
  std::unique_ptr<tensor::Backend> backend_;
  std::unique_ptr<cluster::Communicator> communicator_ = cluster::create_single_process_communicator();
  std::optional<KvCache> cache_;
  std::optional<model::RunState> state_;
  std::vector<SequenceBlocks> blocks_;
  std::vector<int32_t> tokens_, sequence_, position_, outputs_;
  std::vector<tensor::SequenceKv> views_;
};

TEST_P(CancelTest, RowsThatLeaveAPassChangeNothingForTheOthers) {
  const std::vector<int64_t> n_rows = {9, 30, 1, 17};
  int n_looks = 0;
  const std::vector<int32_t> nobody;
  for (const std::vector<int32_t>& dropped :
       std::vector<std::vector<int32_t>>{{1}, {0}, {0, 1}, {2, 3}, {0, 2, 3}}) {
    // Dropped after the last look: not at all.
    PassOfSequences pass(model_->model(), n_rows);
    const std::vector<float> expected = pass.run_without(dropped, 1000, &n_looks);
    ASSERT_GE(n_looks, 2 * static_cast<int>(model_->model().config().n_layers) - 2);
    for (int at = 0; at < n_looks; ++at) {
      int ignored = 0;
      EXPECT_EQ(PassOfSequences(model_->model(), n_rows).run_without(dropped, at, &ignored), expected)
          << "at look " << at;
    }
  }
}

TEST_P(CancelTest, LeavesTheRunningStepAndTheOthersSayTheSame) {
  const EngineRequest stays = request(40, 1, 30);
  const Answer expected = answer(*model_->engine(), stays);

  Engine* raw = nullptr;
  std::mutex submitting;  // held, it keeps the engine before or behind a pass
  int n_clock_calls = 0, clock_calls_at_end = 0, n_steps_left = 0;
  SequenceId victim = 0;
  EngineOptions options;
  options.limits.max_batch_rows = 24;
  options.limits.max_running = 2;
  // The clock is looked at before and after a step's pass.
  options.clock = [&] {
    std::lock_guard lock(submitting);
    if (n_clock_calls++ % 2 == 0 && n_steps_left > 0 && --n_steps_left == 0) raw->cancel(victim);
    return Clock::now();
  };
  class Victim : public Recorder {
   public:
    explicit Victim(std::function<void()> on_end) : on_end_(std::move(on_end)) {}
    void on_end(const SequenceEnd& end) override {
      on_end_();
      Recorder::on_end(end);
    }

   private:
    std::function<void()> on_end_;
  };
  auto engine = model_->engine(options);
  raw = engine.get();
  // The victim reads its prompt, or decodes; with max_running = 2 a third one is still in the queue.
  for (const int64_t n_prompt : {200, 3}) {
    for (const bool queued : {false, true}) {
      auto kept = std::make_shared<Recorder>();
      auto other = std::make_shared<Recorder>();
      auto gone = std::make_shared<Victim>([&] { clock_calls_at_end = n_clock_calls; });
      {
        std::lock_guard lock(submitting);
        EngineRequest first = stays, second = request(30, 50, 40), third = request(n_prompt, 90, -1);
        first.sink = kept;
        second.sink = other;
        third.sink = gone;
        ASSERT_TRUE(engine->submit(std::move(first)));
        if (queued) {
          ASSERT_TRUE(engine->submit(std::move(second)));
        }
        const auto id = engine->submit(std::move(third));
        ASSERT_TRUE(id);
        victim = *id;
        n_steps_left = 4;
      }
      const SequenceEnd end = gone->ended.get_future().get();
      ASSERT_TRUE(end.error);
      EXPECT_EQ(end.error->category, ErrorCategory::kCancelled);
      EXPECT_EQ(clock_calls_at_end % 2, 1);  // before the pass was over
      EXPECT_EQ(kept->ended.get_future().get().reason, EndReason::kMaxTokens);
      EXPECT_EQ(kept->ids, expected.ids);
      if (queued) {
        EXPECT_EQ(other->ended.get_future().get().reason, EndReason::kMaxTokens);
      }
    }
  }
}

TEST_P(CancelTest, AStepThatNobodyWantsAnyMoreEnds) {
  Engine* raw = nullptr;
  std::atomic<SequenceId> victim{0};
  EngineOptions options;
  options.clock = [&] {
    if (victim != 0) raw->cancel(victim);
    return Clock::now();
  };
  auto engine = model_->engine(options);
  raw = engine.get();
  victim = 1;
  EngineRequest work = request(200, 90, -1);
  auto sink = std::make_shared<Recorder>();
  work.sink = sink;
  const auto id = engine->submit(std::move(work));
  ASSERT_EQ(*id, 1u);
  EXPECT_EQ(sink->ended.get_future().get().error->category, ErrorCategory::kCancelled);
  EXPECT_TRUE(sink->progress.empty());
  victim = 0;
  EXPECT_EQ(answer(*engine, request(20, 5, 4)).end.reason, EndReason::kMaxTokens);
}

INSTANTIATE_TEST_SUITE_P(Models, CancelTest,
                         testing::Values("stories260K", "tiny-gemma4", "tiny-gemma4-e4b", "tiny-gemma4-moe"),
                         name_of_model);

}  // namespace
}  // namespace hearth::engine
