#include "app/logit_measures.h"

#include <gtest/gtest.h>

#include <cmath>

namespace hearth::app {
namespace {

TEST(Perplexity, OfAUniformModelIsItsVocabulary) {
  Perplexity perplexity;
  const std::vector<float> logits(8, 3.0f);
  for (int32_t next = 0; next < 8; ++next) perplexity.add(logits, next);
  EXPECT_NEAR(perplexity.value(), 8, 1e-9);
  EXPECT_NEAR(perplexity.error(), 0, 1e-6);
  EXPECT_EQ(perplexity.count(), 8);
}

TEST(Divergence, IsZeroForTheSameDistributionAndKnownForAnother) {
  Divergence divergence;
  const std::vector<float> half = {0, 0}, shifted = {5, 5};
  divergence.add(half, shifted);
  EXPECT_NEAR(divergence.mean(), 0, 1e-12);
  // p = (1/2, 1/2), q = (1/4, 3/4): ½ln2 + ½ln(2/3).
  divergence.add(half, std::vector<float>{0, std::log(3.0f)});
  const double known = 0.5 * std::log(2.0) + 0.5 * std::log(2.0 / 3);
  EXPECT_NEAR(divergence.quantile(1), known, 1e-6);
  EXPECT_NEAR(divergence.mean(), known / 2, 1e-6);
  EXPECT_NEAR(divergence.error(), known / 2 / std::sqrt(2.0), 1e-6);
  EXPECT_EQ(divergence.same_top(), 0.5);
  divergence.add(half, half);
  EXPECT_NEAR(divergence.quantile(0.5), 0, 1e-12);
}

}  // namespace
}  // namespace hearth::app
