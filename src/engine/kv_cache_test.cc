#include "engine/kv_cache.h"

#include <gtest/gtest.h>

#include "kernels/kernels.h"
#include "tensor/cpu/cpu_backend.h"

namespace hearth::engine {
namespace {

using model::AttentionKind;
using tensor::kBlockTokens;

// Two full layers, three sliding ones, the last of which shares the cache of the second.
model::ModelConfig config_with_window(int64_t window) {
  model::ModelConfig config;
  config.n_layers = 5;
  config.context_length = 4096;
  config.sliding_window = window;
  for (const AttentionKind kind : {AttentionKind::kSliding, AttentionKind::kFull, AttentionKind::kSliding,
                                   AttentionKind::kFull, AttentionKind::kSliding}) {
    const auto i = static_cast<int64_t>(config.layers.size());
    config.layers.push_back({.kind = kind,
                             .n_heads = 4,
                             .n_kv_heads = 2,
                             .head_dim = kind == AttentionKind::kFull ? 64 : 32,
                             .ffn_dim = 8,
                             .kv_layer = i == 4 ? 2 : i});
  }
  return config;
}

class KvCacheTest : public testing::Test {
 protected:
  ThreadPool pool_{1};
  std::unique_ptr<tensor::Backend> backend_ =
      tensor::create_cpu_backend(*kernels::find_kernels("reference"), pool_);

  KvCache create(const model::ModelConfig& config, const KvCacheOptions& options) {
    auto cache = KvCache::create(config, options, *backend_);
    EXPECT_TRUE(cache) << cache.error().message;
    return std::move(*cache);
  }
};

TEST_F(KvCacheTest, PlansBytesByKind) {
  const auto plan = KvPlan::create(
      config_with_window(128),
      {.dtype = kernels::DType::kF16, .context_length = 1024, .max_batch_rows = 64, .n_contexts = 2});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->kinds[0].n_layers, 2);
  EXPECT_EQ(plan->kinds[1].n_layers, 2);  // the sharing layer owns nothing
  EXPECT_EQ(plan->kinds[0].block_bytes, size_t{2} * 2 * kBlockTokens * 2 * 64 * 2);
  EXPECT_EQ(plan->kinds[0].n_blocks, 2 * 1024 / kBlockTokens);
  EXPECT_EQ(plan->kinds[1].n_blocks, 2 * ((128 + 64) / kBlockTokens + 1));
}

TEST_F(KvCacheTest, RefusesAQ8CacheForHeadsThatDoNotFill32) {
  model::ModelConfig config = config_with_window(128);
  for (auto& layer : config.layers) layer.head_dim = 8;
  const auto plan = KvPlan::create(config, {.dtype = kernels::DType::kQ8_0, .context_length = 64});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().category, ErrorCategory::kUnsupported);
}

TEST_F(KvCacheTest, SharingLayersPointAtTheirDonor) {
  const KvCache cache = create(config_with_window(128), {.context_length = 256});
  EXPECT_EQ(cache.layers()[4].pool, cache.layers()[2].pool);
  EXPECT_EQ(cache.layers()[4].keys_offset, cache.layers()[2].keys_offset);
  EXPECT_NE(cache.layers()[0].keys_offset, cache.layers()[2].keys_offset);
}

TEST_F(KvCacheTest, ALongSequenceNeverHoldsMoreSlidingBlocksThanPlanned) {
  KvCache cache =
      create(config_with_window(100), {.context_length = 4096, .max_batch_rows = 48, .n_contexts = 1});
  SequenceBlocks blocks;
  for (int64_t n = 0; n < 4096;) {
    const int64_t step = std::min<int64_t>(48, 4096 - n);
    ASSERT_TRUE(cache.extend(blocks, n + step)) << n;
    // Every position that a row of this step can see has its block.
    const auto table = blocks.view(n + step).blocks[1];
    for (int64_t p = std::max<int64_t>(0, n - 99); p < n + step; ++p) {
      ASSERT_NE(table[static_cast<size_t>(p / kBlockTokens)], tensor::kNoBlock) << n << " " << p;
    }
    n += step;
    cache.pass_window(blocks, n);
  }
  EXPECT_FALSE(cache.extend(blocks, 4097));
  cache.release(blocks);
  EXPECT_EQ(cache.used_bytes(), 0u);
}

TEST_F(KvCacheTest, AFailedExtensionChangesNothing) {
  KvCache cache = create(config_with_window(100), {.context_length = 256, .n_contexts = 1});
  SequenceBlocks first, second;
  ASSERT_TRUE(cache.extend(first, 200));
  const size_t used = cache.used_bytes();
  EXPECT_FALSE(cache.extend(second, 128));
  EXPECT_EQ(cache.used_bytes(), used);
  cache.release(first);
  EXPECT_TRUE(cache.extend(second, 128));
}

TEST_F(KvCacheTest, WhatWrongDraftsTookIsGivenBack) {
  KvCache cache = create(config_with_window(100), {.context_length = 256, .n_contexts = 1});
  SequenceBlocks blocks;
  ASSERT_TRUE(cache.extend(blocks, 128));
  const size_t used = cache.used_bytes();
  ASSERT_TRUE(cache.extend(blocks, 135));
  EXPECT_GT(cache.used_bytes(), used);
  cache.shrink(blocks, 129);  // one of them was right
  EXPECT_GT(cache.used_bytes(), used);
  cache.shrink(blocks, 128);
  EXPECT_EQ(cache.used_bytes(), used);
  ASSERT_TRUE(cache.extend(blocks, 256));
  cache.release(blocks);
  EXPECT_EQ(cache.used_bytes(), 0u);
}

}  // namespace
}  // namespace hearth::engine
