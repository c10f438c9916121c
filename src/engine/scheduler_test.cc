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

  // Prompts of different numbers say different things.
  void add(SequenceId id, int64_t n_prompt, const std::string& owner = "", int32_t says = 0) {
    const std::vector<int32_t> prompt(static_cast<size_t>(n_prompt),
                                      says > 0 ? says : static_cast<int32_t>(id));
    scheduler_->add(std::make_unique<Sequence>(id, EngineRequest{.prompt = prompt, .cache_scope = owner}));
  }

  // Runs a step as the engine would: everything computed, each sampling row gives a token.
  std::vector<std::pair<SequenceId, int64_t>> step(int64_t max_prompt_rows = 1000) {
    std::vector<std::pair<SequenceId, int64_t>> rows;
    for (const BatchItem& item : scheduler_->next_batch(max_prompt_rows)) {
      Sequence& sequence = *item.sequence;
      rows.emplace_back(sequence.id, item.n_rows);
      sequence.n_computed += item.n_rows;
      if (item.samples) sequence.tokens.push_back(1);
      cache_->publish(sequence.blocks, sequence.computed(), item.samples && sequence.n_sampled() == 1);
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

TEST_F(SchedulerTest, AShortPromptDoesNotWaitBehindALongOne) {
  create(100, {.max_batch_rows = 64});
  add(1, 2000);
  EXPECT_EQ(step(), (Rows{{1, 64}}));
  add(2, 40);
  EXPECT_EQ(step(), (Rows{{1, 32}, {2, 32}}));
  EXPECT_EQ(step(), (Rows{{1, 56}, {2, 8}}));
  EXPECT_EQ(step(), (Rows{{2, 1}, {1, 63}}));
}

TEST_F(SchedulerTest, OwnersHaveEqualSharesOfTheRows) {
  create(200, {.max_batch_rows = 96});
  for (SequenceId id = 1; id <= 3; ++id) add(id, 1000, "many");
  add(4, 1000, "one");
  int64_t n_many = 0, n_one = 0;
  for (int i = 0; i < 5; ++i) {
    for (const auto& [id, n] : step()) (id == 4 ? n_one : n_many) += n;
  }
  EXPECT_NEAR(static_cast<double>(n_one), static_cast<double>(n_many), 48);
}

TEST_F(SchedulerTest, TheOwnerWithFewerRunningSequencesIsNext) {
  create(100, {.max_batch_rows = 96, .max_running = 2});
  for (SequenceId id = 1; id <= 3; ++id) add(id, 10, "many");
  add(4, 10, "one");
  EXPECT_EQ(step(), (Rows{{1, 10}, {4, 10}}));
}

TEST_F(SchedulerTest, RowsOfPromptsAreBounded) {
  create(100, {.max_batch_rows = 96});
  add(1, 10);
  step();
  add(2, 90);
  EXPECT_EQ(step(4), (Rows{{1, 1}, {2, 4}}));
  EXPECT_EQ(step(0), (Rows{{1, 1}}));
}

TEST_F(SchedulerTest, WhatAnotherOneIsReadingIsWaitedFor) {
  create(100, {.max_batch_rows = 64});
  add(1, 150, "", 9);
  add(2, 150, "", 9);
  add(3, 150, "other", 9);  // may not know of them
  add(4, 10);
  EXPECT_EQ(step(), (Rows{{1, 22}, {3, 32}, {4, 10}}));
  EXPECT_EQ(scheduler_->n_waiting(), 1u);
  while (scheduler_->n_waiting() > 0) {
    for (const auto& [id, n] : step()) EXPECT_TRUE(id != 2 || n == 1);
  }
}

TEST_F(SchedulerTest, WhoWaitsForACancelledOneReadsByItself) {
  create(100, {.max_batch_rows = 32});
  add(1, 150, "", 9);
  add(2, 150, "", 9);
  EXPECT_EQ(step(), (Rows{{1, 32}}));
  EXPECT_EQ(step(), (Rows{{1, 32}}));
  scheduler_->remove(1);
  EXPECT_EQ(step(), (Rows{{2, 32}}));  // from where the other one stopped
  EXPECT_EQ(scheduler_->remove(2)->n_cached, 64);
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

// One client sends twenty requests, another one: with two running at a time the one is served second.
TEST_F(SchedulerTest, OneRequestDoesNotWaitForTwentyOfAnother) {
  create(100, {.max_batch_rows = 64, .max_running = 2});
  for (SequenceId id = 1; id <= 20; ++id) add(id, 10, "many");
  EXPECT_EQ(step(), (Rows{{1, 10}, {2, 10}}));
  add(21, 10, "one");
  step();
  scheduler_->remove(1);
  EXPECT_EQ(step(), (Rows{{2, 1}, {21, 10}}));
}

TEST_F(SchedulerTest, TheOwnerWhoRunsMostGivesUpBlocks) {
  create(4, {.max_batch_rows = 256});
  for (SequenceId id = 1; id <= 3; ++id) add(id, 60, "many");
  step();
  add(4, 60, "one");
  EXPECT_EQ(step(), (Rows{{1, 1}, {2, 1}, {3, 1}, {4, 60}}));
  // All fill their blocks at about the same time; the third of "many" waits, the younger one goes on.
  for (int i = 0; i < 8; ++i) step();
  bool has[5] = {};
  for (const auto& [id, n] : step()) has[id] = true;
  EXPECT_TRUE(has[1]);
  EXPECT_TRUE(has[4]);
  EXPECT_FALSE(has[3]);
  EXPECT_GT(scheduler_->n_preemptions(), 0);
}

TEST_F(SchedulerTest, RemovingGivesTheBlocksBack) {
  create(4, {.max_batch_rows = 128});
  add(1, 100);
  step();
  EXPECT_GT(cache_->used_bytes(), 0u);
  EXPECT_EQ(scheduler_->remove(99), nullptr);
  EXPECT_NE(scheduler_->remove(1), nullptr);
  EXPECT_EQ(cache_->used_bytes(), 0u);
  EXPECT_TRUE(scheduler_->next_batch(128).empty());
}

}  // namespace
}  // namespace hearth::engine
