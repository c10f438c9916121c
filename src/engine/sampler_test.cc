#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

namespace hearth::engine {
namespace {

SamplingParams plain() {
  SamplingParams params;
  params.temperature = 1;
  params.top_k = 0;
  params.top_p = 1;
  params.min_p = 0;
  params.seed = 1;
  return params;
}

// How often each token is drawn.
std::map<int32_t, int> draw(SamplingParams params, std::vector<float> logits, int n,
                            std::vector<int32_t> prompt = {}) {
  Sampler sampler(std::move(params), {}, prompt);
  std::map<int32_t, int> counts;
  for (int i = 0; i < n; ++i) {
    std::vector<float> work = logits;
    ++counts[sampler.sample(work)->chosen.id];
  }
  return counts;
}

TEST(Sampler, ZeroTemperatureTakesTheLargestAndTheFirstOfEquals) {
  SamplingParams params = plain();
  params.temperature = 0;
  EXPECT_EQ(draw(params, {1, 3, 3, 2}, 10), (std::map<int32_t, int>{{1, 10}}));
}

TEST(Sampler, DrawsFollowTheDistribution) {
  const auto counts = draw(plain(), {std::log(0.5f), std::log(0.3f), std::log(0.2f)}, 20000);
  EXPECT_NEAR(counts.at(0), 10000, 300);
  EXPECT_NEAR(counts.at(1), 6000, 300);
  EXPECT_NEAR(counts.at(2), 4000, 300);
}

TEST(Sampler, TemperatureSharpensTheDistribution) {
  SamplingParams params = plain();
  params.temperature = 0.5f;  // squares the odds: 25 : 9 : 4
  const auto counts = draw(params, {std::log(0.5f), std::log(0.3f), std::log(0.2f)}, 19000);
  EXPECT_NEAR(counts.at(0), 12500, 300);
  EXPECT_NEAR(counts.at(2), 2000, 200);
}

TEST(Sampler, EqualSeedsGiveEqualTokensAndOthersDoNot) {
  const std::vector<float> logits(100, 0.0f);
  const auto run = [&](uint64_t seed) {
    SamplingParams params = plain();
    params.seed = seed;
    Sampler sampler(params, {}, {});
    std::vector<int32_t> ids;
    for (int i = 0; i < 20; ++i) {
      std::vector<float> work = logits;
      ids.push_back(sampler.sample(work)->chosen.id);
    }
    return ids;
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

TEST(Sampler, TopKKeepsTheBest) {
  SamplingParams params = plain();
  params.top_k = 2;
  const auto counts = draw(params, {0, 2, 1, 2.5f, -1}, 2000);
  EXPECT_EQ(counts.size(), 2u);
  EXPECT_TRUE(counts.contains(1) && counts.contains(3));
}

TEST(Sampler, TopPKeepsTheSmallestSetThatReachesTheMass) {
  SamplingParams params = plain();
  params.top_p = 0.75f;
  const auto counts = draw(params, {std::log(0.5f), std::log(0.3f), std::log(0.2f)}, 2000);
  EXPECT_EQ(counts.size(), 2u);
  params.top_p = 0.1f;
  EXPECT_EQ(draw(params, {std::log(0.5f), std::log(0.3f), std::log(0.2f)}, 50).size(), 1u);
}

TEST(Sampler, MinPIsRelativeToTheBest) {
  SamplingParams params = plain();
  params.min_p = 0.5f;  // 0.25 and above
  const auto counts = draw(params, {std::log(0.5f), std::log(0.3f), std::log(0.2f)}, 2000);
  EXPECT_EQ(counts.size(), 2u);
}

TEST(Sampler, TypicalPrefersTokensOfExpectedSurprise) {
  // Entropy is 1.03 nats; the middle token (1.2) is nearest, before the likely one (0.69).
  SamplingParams params = plain();
  params.typical_p = 0.25f;
  EXPECT_EQ(draw(params, {std::log(0.5f), std::log(0.3f), std::log(0.2f)}, 50),
            (std::map<int32_t, int>{{1, 50}}));
}

TEST(Sampler, PenaltiesCountThePromptAndTheirWindow) {
  SamplingParams params = plain();
  params.temperature = 0;
  params.repetition_penalty = 2;
  EXPECT_EQ(draw(params, {3, 2, 1}, 1, {0}), (std::map<int32_t, int>{{1, 1}}));
  EXPECT_EQ(draw(params, {-1, -1.5f, -9}, 1, {0}),
            (std::map<int32_t, int>{{1, 1}}));  // negative logits sink too
  params.penalty_window = 1;
  EXPECT_EQ(draw(params, {3, 2, 1}, 1, {0, 2}),
            (std::map<int32_t, int>{{0, 1}}));  // token 0 is out of the window
  params = plain();
  params.temperature = 0;
  params.presence_penalty = 1.5f;
  EXPECT_EQ(draw(params, {3, 2, 1}, 1, {0, 0}), (std::map<int32_t, int>{{1, 1}}));
  params.presence_penalty = 0;
  params.frequency_penalty = 0.6f;
  EXPECT_EQ(draw(params, {3, 2, 1}, 1, {0}), (std::map<int32_t, int>{{0, 1}}));
  EXPECT_EQ(draw(params, {3, 2, 1}, 1, {0, 0}), (std::map<int32_t, int>{{1, 1}}));
}

TEST(Sampler, BiasAndSuppressionDecide) {
  SamplingParams params = plain();
  params.logit_bias = {{2, 100}};
  EXPECT_EQ(draw(params, {5, 4, 0}, 20), (std::map<int32_t, int>{{2, 20}}));
  Sampler sampler(plain(), {.suppressed = {0, 1, 99}}, {});
  std::vector<float> logits = {5, 4, 0};
  EXPECT_EQ(sampler.sample(logits)->chosen.id, 2);
}

TEST(Sampler, LogprobsAreTheModelsOwn) {
  SamplingParams params = plain();
  params.temperature = 0;
  params.logit_bias = {{2, 100}};
  Sampler sampler(params, {.logprobs = true, .top_logprobs = 2}, {});
  std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.2f)};
  const auto sampled = sampler.sample(logits);
  ASSERT_TRUE(sampled);
  EXPECT_EQ(sampled->chosen.id, 2);
  EXPECT_NEAR(sampled->chosen.logprob, std::log(0.2), 1e-5);
  ASSERT_EQ(sampled->top.size(), 2u);
  EXPECT_EQ(sampled->top[0].id, 0);
  EXPECT_NEAR(sampled->top[1].logprob, std::log(0.3), 1e-5);
}

TEST(Sampler, LogitsThatAreNotNumbersAreAnError) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  for (const float temperature : {0.0f, 1.0f}) {
    for (const float bad : {nan, -inf, inf}) {
      for (const int top_k : {0, 2}) {
        SamplingParams params = plain();
        params.temperature = temperature;
        params.top_k = top_k;
        Sampler sampler(params, {}, {});
        std::vector<float> logits(5, bad);
        const auto sampled = sampler.sample(logits);
        ASSERT_FALSE(sampled) << temperature << " " << bad << " " << top_k;
        EXPECT_EQ(sampled.error().category, ErrorCategory::kCorrupt);
      }
    }
  }
}

TEST(SamplingParams, NamesTheFieldThatIsOutOfRange) {
  const auto message = [](auto change) {
    SamplingParams params;
    change(params);
    const Status status = params.validate(100);
    return status ? std::string() : status.error().message;
  };
  EXPECT_EQ(message([](SamplingParams&) {}), "");
  EXPECT_NE(message([](SamplingParams& p) { p.temperature = -1; }).find("temperature"), std::string::npos);
  EXPECT_NE(message([](SamplingParams& p) { p.temperature = std::nanf(""); }).find("temperature"),
            std::string::npos);
  EXPECT_NE(message([](SamplingParams& p) { p.top_p = 0; }).find("top_p"), std::string::npos);
  EXPECT_NE(message([](SamplingParams& p) { p.top_k = -1; }).find("top_k"), std::string::npos);
  EXPECT_NE(message([](SamplingParams& p) {
              p.logit_bias = {{100, 1.0f}};
            }).find("logit_bias"),
            std::string::npos);
}

TEST(SamplingOverrides, ReplaceOnlyWhatIsGiven) {
  SamplingParams defaults;
  defaults.temperature = 0.6f;
  defaults.top_k = 20;
  SamplingOverrides overrides;
  overrides.top_k = 5;
  const SamplingParams params = overrides.applied_to(defaults);
  EXPECT_FLOAT_EQ(params.temperature, 0.6f);
  EXPECT_EQ(params.top_k, 5);
}

}  // namespace
}  // namespace hearth::engine
