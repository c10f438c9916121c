// Several sequences in one pass, and caches that were filled without reading, on a real, tiny model.
#include "engine/evaluator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "kernels/kernels.h"
#include "tensor/cpu/cpu_backend.h"
#include "tensor/profiling_backend.h"

namespace hearth::engine {
namespace {

class EvaluatorTest : public testing::Test {
 protected:
  void SetUp() override {
    auto file = gguf::ModelFile::open(std::filesystem::path(HEARTH_TEST_DATA) / "models/stories260K.gguf");
    ASSERT_TRUE(file) << file.error().message;
    file_.emplace(std::move(*file));
    auto model = model::Model::load(*file_);
    ASSERT_TRUE(model) << model.error().message;
    model_ = std::move(*model);
    backend_ = tensor::create_cpu_backend(*kernels::available_kernels().front(), pool_);
  }

  std::unique_ptr<Evaluator> create(int64_t n_sequences, int64_t context_length = 128) {
    auto evaluator = Evaluator::create(
        *model_, *backend_,
        {.context_length = context_length, .n_sequences = n_sequences, .chunk_rows = 64, .max_outputs = 8});
    EXPECT_TRUE(evaluator) << evaluator.error().message;
    return std::move(*evaluator);
  }

  std::vector<std::vector<float>> append(Evaluator& evaluator, std::vector<SequenceTokens> parts) {
    const auto logits = evaluator.append(parts);
    EXPECT_TRUE(logits) << logits.error().message;
    std::vector<std::vector<float>> rows;
    for (int64_t i = 0; logits && i < logits->n_rows; ++i)
      rows.emplace_back(logits->row(i), logits->row(i) + logits->n_cols);
    return rows;
  }

  std::optional<gguf::ModelFile> file_;
  std::unique_ptr<model::Model> model_;
  ThreadPool pool_{2};
  std::unique_ptr<tensor::Backend> backend_;
};

TEST_F(EvaluatorTest, SequencesOfOnePassDoNotSeeEachOther) {
  const std::vector<int32_t> a = {1, 403, 407, 261, 378}, b = {1, 300, 301}, next = {410, 22};
  auto alone = create(1);
  const auto a_alone = append(*alone, {{0, a, 2}});
  const auto a_next_alone = append(*alone, {{0, {&next[0], 1}, 1}});
  alone->reset();
  const auto b_alone = append(*alone, {{0, b, 1}});
  const auto b_next_alone = append(*alone, {{0, {&next[1], 1}, 1}});

  auto together = create(2);
  const auto both = append(*together, {{0, a, 2}, {1, b, 1}});
  ASSERT_EQ(both.size(), 3U);
  EXPECT_EQ(both[0], a_alone[0]);
  EXPECT_EQ(both[1], a_alone[1]);
  EXPECT_EQ(both[2], b_alone[0]);
  EXPECT_EQ(together->n_positions(0), 5);
  EXPECT_EQ(together->n_positions(1), 3);
  const auto both_next = append(*together, {{1, {&next[1], 1}, 1}, {0, {&next[0], 1}, 1}});
  EXPECT_EQ(both_next[0], b_next_alone[0]);
  EXPECT_EQ(both_next[1], a_next_alone[0]);
}

TEST_F(EvaluatorTest, RefusesWhatDoesNotFit) {
  auto evaluator = create(2, 32);
  const std::vector<int32_t> tokens(20, 1), one = {1}, outside = {512};
  const auto refused = [&](std::vector<SequenceTokens> parts) {
    return evaluator->append(parts).error().category;
  };
  EXPECT_EQ(refused({{2, one, 1}}), ErrorCategory::kInvalidArgument);
  EXPECT_EQ(refused({{-1, one, 1}}), ErrorCategory::kInvalidArgument);
  EXPECT_EQ(refused({{0, one, 1}, {0, one, 1}}), ErrorCategory::kInvalidArgument);
  EXPECT_EQ(refused({{0, one, 2}}), ErrorCategory::kInvalidArgument);
  EXPECT_EQ(refused({{0, outside, 1}}), ErrorCategory::kInvalidArgument);
  EXPECT_EQ(refused({{0, tokens, 9}}), ErrorCategory::kInvalidArgument);
  ASSERT_TRUE(evaluator->append(tokens, 1));
  EXPECT_EQ(refused({{0, tokens, 1}}), ErrorCategory::kContextExceeded);
  EXPECT_EQ(evaluator->n_positions(), 20);
  EXPECT_FALSE(evaluator->assume_read(0, 13));
  EXPECT_TRUE(evaluator->assume_read(0, 12));
  EXPECT_FALSE(evaluator->assume_read(2, 1));
}

TEST_F(EvaluatorTest, AFilledCacheIsReadAsIfItHadBeenComputed) {
  auto evaluator = create(2);
  const std::vector<int32_t> token = {403};
  const auto empty = append(*evaluator, {{0, token, 1}});
  evaluator->reset();
  evaluator->fill_cache();
  for (int64_t sequence = 0; sequence < 2; ++sequence) ASSERT_TRUE(evaluator->assume_read(sequence, 100));
  EXPECT_EQ(evaluator->n_positions(1), 100);

  tensor::ProfilingBackend profiler(*backend_);
  evaluator->set_backend(profiler);
  const auto deep = append(*evaluator, {{0, token, 1}, {1, token, 1}});
  evaluator->set_backend(*backend_);
  EXPECT_NE(deep[0], empty[0]);
  for (const auto& row : deep) {
    for (const float logit : row) ASSERT_TRUE(std::isfinite(logit));
  }
  const auto& config = model_->config();
  double cache_bytes = 0;
  for (const model::LayerConfig& layer : config.layers)  // 101 positions read and one written, float16
    cache_bytes += 2.0 * (101 + 1) * 2 * static_cast<double>(2 * layer.n_kv_heads * layer.head_dim);
  EXPECT_EQ(profiler.total().cache_bytes, cache_bytes);
}

}  // namespace
}  // namespace hearth::engine
