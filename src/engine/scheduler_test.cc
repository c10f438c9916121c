#include "engine/scheduler.h"

#include <gtest/gtest.h>

#include "kernels/kernels.h"
#include "tensor/cpu/cpu_backend.h"

namespace hearth::engine {
namespace {

class SchedulerTest : public testing::Test {
 protected:
  // One full-attention layer; `n_blocks` blocks in all.
  void create(int64_t n_blocks, SchedulerLimits limits) {
    model::ModelConfig config;
    config.n_layers = 1;
    config.layers = {{.n_heads = 1, .n_kv_heads = 1, .head_dim = 32, .ffn_dim = 1, .kv_layer = 0}};
    auto cache = KvCache::create(config, {.context_length = n_blocks * tensor::kBlockTokens, .n_contexts = 1},
                                 *backend_);
    ASSERT_TRUE(cache);
    cache_ = std::make_unique<KvCache>(std::move(*cache));
    scheduler_ = std::make_unique<Scheduler>(limits, *cache_);
  }

  void add(SequenceId id, int64_t n_prompt) {
    scheduler_->add(
        std::make_unique<Sequence>(id, EngineRequest{.prompt = std::vector<int32_t>(n_prompt, 1)}));
  }

  // Runs a step as the engine would: everything computed, each sampling row gives a token.
  std::vector<std::pair<SequenceId, int64_t>> step() {
    std::vector<std::pair<SequenceId, int64_t>> rows;
    for (const BatchItem& item : scheduler_->next_batch()) {
      rows.emplace_back(item.sequence->id, item.n_rows);
      item.sequence->n_computed += item.n_rows;
      if (item.samples) item.sequence->tokens.push_back(1);
    }
    return rows;
  }

  using Rows = std::vector<std::pair<SequenceId, int64_t>>;
  ThreadPool pool_{1};
  std::unique_ptr<tensor::Backend> backend_ =
      tensor::create_cpu_backend(*kernels::find_kernels("reference"), pool_);
  std::unique_ptr<KvCache> cache_;
  std::unique_ptr<Scheduler> scheduler_;
};

TEST_F(SchedulerTest, MixesDecodingRowsWithABoundedPieceOfALongPrompt) {
  create(100, {.max_batch_rows = 32});
  add(1, 10);
  EXPECT_EQ(step(), (Rows{{1, 10}}));
  add(2, 70);
  EXPECT_EQ(step(), (Rows{{1, 1}, {2, 31}}));
  EXPECT_EQ(step(), (Rows{{1, 1}, {2, 31}}));
  EXPECT_EQ(step(), (Rows{{1, 1}, {2, 8}}));
  EXPECT_EQ(step(), (Rows{{1, 1}, {2, 1}}));
}

TEST_F(SchedulerTest, ShortPromptsShareAStep) {
  create(100, {.max_batch_rows = 32});
  add(1, 10);
  add(2, 5);
  add(3, 40);
  EXPECT_EQ(step(), (Rows{{1, 10}, {2, 5}, {3, 17}}));
}

TEST_F(SchedulerTest, RespectsTheNumberOfRunningSequences) {
  create(100, {.max_batch_rows = 32, .max_running = 1});
  add(1, 3);
  add(2, 3);
  EXPECT_EQ(step(), (Rows{{1, 3}}));
  EXPECT_EQ(step(), (Rows{{1, 1}}));
  EXPECT_NE(scheduler_->remove(1), nullptr);
  EXPECT_EQ(step(), (Rows{{2, 3}}));
}

TEST_F(SchedulerTest, WithoutBlocksTheYoungestWaitsAndComesBack) {
  create(2, {.max_batch_rows = 128});
  add(1, 63);
  EXPECT_EQ(step(), (Rows{{1, 63}}));
  add(2, 10);
  EXPECT_EQ(step(), (Rows{{1, 1}, {2, 10}}));  // each has one block
  EXPECT_EQ(step(), (Rows{{1, 1}}));           // the first needs a second block: the other one gives way
  EXPECT_EQ(scheduler_->n_waiting(), 1u);
  EXPECT_NE(scheduler_->remove(1), nullptr);
  EXPECT_EQ(step(), (Rows{{2, 11}}));  // read again, with what it had said
  EXPECT_EQ(step(), (Rows{{2, 1}}));
}

TEST_F(SchedulerTest, RemovingGivesTheBlocksBack) {
  create(4, {.max_batch_rows = 128});
  add(1, 100);
  step();
  EXPECT_GT(cache_->used_bytes(), 0u);
  EXPECT_EQ(scheduler_->remove(99), nullptr);
  EXPECT_NE(scheduler_->remove(1), nullptr);
  EXPECT_EQ(cache_->used_bytes(), 0u);
  EXPECT_TRUE(scheduler_->next_batch().empty());
}

}  // namespace
}  // namespace hearth::engine
