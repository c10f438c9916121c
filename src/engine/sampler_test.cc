#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>

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

// The chain as sampler.h describes it, step by step over everything, in double precision.
class PlainSampler {
 public:
  PlainSampler(SamplingParams params, SamplerOptions options, std::vector<int32_t> prompt)
      : params_(std::move(params)),
        options_(std::move(options)),
        random_(*params_.seed),
        history_(std::move(prompt)) {}

  std::optional<int32_t> sample(std::vector<float> logits) {
    for (const auto& [id, bias] : params_.logit_bias) logits[static_cast<size_t>(id)] += bias;
    for (const int32_t id : options_.suppressed) logits[static_cast<size_t>(id)] = -kInfinity;
    penalise(logits);
    entries_.clear();
    for (size_t i = 0; i < logits.size(); ++i) {
      if (logits[i] > -kInfinity) entries_.push_back({logits[i], static_cast<int32_t>(i), 0});
    }
    std::sort(entries_.begin(), entries_.end(), better);
    if (entries_.empty() || entries_[0].logit == kInfinity) return std::nullopt;
    if (params_.temperature == 0) return chosen(entries_[0].id);
    if (params_.top_k > 0 && entries_.size() > static_cast<size_t>(params_.top_k))
      entries_.resize(static_cast<size_t>(params_.top_k));
    const float max = entries_[0].logit;
    for (Entry& e : entries_) e.p = std::exp((static_cast<double>(e.logit) - max) / params_.temperature);
    normalise();
    if (params_.typical_p < 1) {
      double entropy = 0;
      for (const Entry& e : entries_) entropy -= e.p > 0 ? e.p * std::log(e.p) : 0;
      std::stable_sort(entries_.begin(), entries_.end(), [&](const Entry& a, const Entry& b) {
        return std::abs(std::log(a.p) + entropy) < std::abs(std::log(b.p) + entropy);
      });
      keep_mass(params_.typical_p);
      std::sort(entries_.begin(), entries_.end(), better);
      normalise();
    }
    if (params_.top_p < 1) keep_mass(params_.top_p);
    const double least = entries_[0].p * params_.min_p;
    std::erase_if(entries_, [&](const Entry& e) { return e.p < least; });
    normalise();
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.id < b.id; });
    double left = random_.uniform();
    size_t i = 0;
    while (i + 1 < entries_.size() && (left -= entries_[i].p) >= 0) ++i;
    return chosen(entries_[i].id);
  }

 private:
  static constexpr float kInfinity = std::numeric_limits<float>::infinity();
  struct Entry {
    float logit;
    int32_t id;
    double p;
  };

  static bool better(const Entry& a, const Entry& b) {
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
  }
  int32_t chosen(int32_t id) {
    history_.push_back(id);
    return id;
  }
  void normalise() {
    double sum = 0;
    for (const Entry& e : entries_) sum += e.p;
    for (Entry& e : entries_) e.p /= sum;
  }
  void keep_mass(double wanted) {
    double mass = 0;
    size_t n = 0;
    while (n < entries_.size() && mass < wanted) mass += entries_[n++].p;
    entries_.resize(n);
  }
  void penalise(std::vector<float>& logits) {
    const size_t n = history_.size();
    const size_t window =
        params_.penalty_window < 0 ? n : std::min(n, static_cast<size_t>(params_.penalty_window));
    std::map<int32_t, int> counts;
    for (size_t i = n - window; i < n; ++i) ++counts[history_[i]];
    for (const auto& [id, count] : counts) {
      float& logit = logits[static_cast<size_t>(id)];
      logit = logit > 0 ? logit / params_.repetition_penalty : logit * params_.repetition_penalty;
      logit -= static_cast<float>(count) * params_.frequency_penalty + params_.presence_penalty;
    }
  }

  SamplingParams params_;
  SamplerOptions options_;
  Random random_;
  std::vector<int32_t> history_;
  std::vector<Entry> entries_;
};

TEST(Sampler, GivesTheTokensOfThePlainDefinition) {
  std::mt19937 random(5);
  const auto uniform = [&](float low, float high) {
    return std::uniform_real_distribution<float>(low, high)(random);
  };
  const auto one_in = [&](int n) { return std::uniform_int_distribution<int>(1, n)(random) == 1; };
  for (int round = 0; round < 600; ++round) {
    const size_t sizes[] = {1, 2, 5, 15, 127, 128, 129, 1000, 5000};
    const size_t vocab_size = sizes[static_cast<size_t>(round) % std::size(sizes)];
    const auto any_id = [&] {
      return std::uniform_int_distribution<int32_t>(0, static_cast<int32_t>(vocab_size) - 1)(random);
    };
    SamplingParams params = plain();
    params.seed = static_cast<uint64_t>(round);
    params.temperature = one_in(6) ? 0 : uniform(0.05f, 2);
    if (one_in(2)) params.top_k = one_in(4) ? static_cast<int>(vocab_size) : 1 + any_id() % 100;
    if (one_in(2)) params.top_p = uniform(0.01f, 1);
    if (one_in(3)) params.min_p = uniform(0, one_in(2) ? 1 : 0.1f);
    if (one_in(5)) params.typical_p = uniform(0.1f, 1);
    if (one_in(3)) params.repetition_penalty = uniform(0.8f, 1.5f);
    if (one_in(3)) params.frequency_penalty = uniform(-1, 1);
    if (one_in(3)) params.presence_penalty = uniform(-1, 1);
    params.penalty_window = one_in(3) ? -1 : one_in(5) ? 0 : 1 + static_cast<int>(any_id() % 9);
    if (one_in(3)) params.logit_bias = {{any_id(), uniform(-5, 5)}, {any_id(), uniform(-100, 5)}};
    SamplerOptions options;
    if (one_in(4)) options.suppressed = {any_id(), any_id()};
    std::vector<int32_t> prompt;
    for (int i = 0; i < round % 20; ++i) prompt.push_back(any_id());

    Sampler sampler(params, options, prompt);
    PlainSampler reference(params, options, prompt);
    const bool ties = one_in(3), specials = one_in(3);
    const float spread = uniform(0.1f, 6);
    for (int token = 0; token < 8; ++token) {
      std::vector<float> logits(vocab_size);
      for (float& logit : logits) {
        logit = std::normal_distribution<float>(0, spread)(random);
        if (ties) logit = std::round(logit);
        if (specials && one_in(4))
          logit = one_in(2) ? std::nanf("") : -std::numeric_limits<float>::infinity();
      }
      const auto expected = reference.sample(logits);
      const auto sampled = sampler.sample(logits);
      ASSERT_EQ(sampled.has_value(), expected.has_value()) << round;
      if (!expected) break;
      ASSERT_EQ(sampled->chosen.id, *expected) << "round " << round << ", token " << token;
    }
  }
}

TEST(Sampler, TopLogprobsAreTheBestOfManyAndTheirMassIsOne) {
  std::mt19937 random(6);
  std::vector<float> logits(3000);
  for (float& logit : logits) logit = std::round(std::normal_distribution<float>(0, 3)(random) * 4) / 4;
  Sampler sampler(plain(), {.logprobs = true, .top_logprobs = 3000}, {});
  std::vector<float> work = logits;
  const auto sampled = sampler.sample(work);
  ASSERT_EQ(sampled->top.size(), logits.size());
  double mass = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    mass += std::exp(static_cast<double>(sampled->top[i].logprob));
    if (i == 0) continue;
    const float before = logits[static_cast<size_t>(sampled->top[i - 1].id)];
    const float here = logits[static_cast<size_t>(sampled->top[i].id)];
    ASSERT_TRUE(before > here || (before == here && sampled->top[i - 1].id < sampled->top[i].id));
  }
  EXPECT_NEAR(mass, 1, 1e-5);
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
  EXPECT_EQ(message([](SamplingParams& p) { p.top_p = 1e-6f; }), "");
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

class FixedMask : public TokenConstraint {
 public:
  explicit FixedMask(std::vector<uint64_t> mask) : mask_(std::move(mask)) {}
  Result<std::optional<std::span<const uint64_t>>> allowed() override { return mask_; }
  Status accept(int32_t token) override {
    accepted.push_back(token);
    return {};
  }
  std::vector<int32_t> accepted;

 private:
  std::vector<uint64_t> mask_;
};

// A constraint gives what suppressing every other token gives, whatever else is asked for.
TEST(Sampler, AConstraintIsLikeSuppressingAllOthers) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal(0, 3);
  std::vector<SamplingParams> settings(7, plain());
  settings[0].temperature = 0;
  settings[2].top_k = 20;
  settings[3].top_p = 0.8f;
  settings[4].top_p = 0.9f, settings[4].min_p = 0.05f;
  settings[5].typical_p = 0.7f;
  settings[6].repetition_penalty = 1.3f, settings[6].frequency_penalty = 0.5f, settings[6].top_k = 40;
  settings[6].logit_bias = {{3, 5.0f}, {700, 9.0f}};
  for (const SamplingParams& params : settings) {
    for (const int density : {1, 50, 100}) {
      // Whole words and blocks of one kind, mixed ones, and a mask that ends before the logits do.
      std::vector<uint64_t> mask(14);
      for (size_t i = 0; i < mask.size(); ++i) {
        for (int bit = 0; bit < 64; ++bit) {
          if (static_cast<int>(random() % 100) < density) mask[i] |= uint64_t{1} << bit;
        }
        if (random() % 3 == 0) mask[i] = density == 50 ? ~uint64_t{0} : 0;
      }
      mask[3] |= 1;
      const size_t n = 907;
      std::vector<int32_t> others;
      for (size_t i = 0; i < n; ++i) {
        if (i >= 64 * mask.size() || (mask[i / 64] >> (i % 64) & 1) == 0)
          others.push_back(static_cast<int32_t>(i));
      }
      const std::vector<int32_t> prompt = {3, 4, 4, 700, 5};
      const auto constraint = std::make_shared<FixedMask>(mask);
      SamplerOptions with{.logprobs = true, .top_logprobs = 3};
      with.constraint = constraint;
      Sampler constrained(params, with, prompt);
      Sampler suppressed(params, {.suppressed = others, .logprobs = true, .top_logprobs = 3}, prompt);
      std::vector<int32_t> chosen;
      for (int step = 0; step < 50; ++step) {
        std::vector<float> logits(n);
        for (float& logit : logits) logit = normal(random);
        std::vector<float> same = logits;
        const auto a = constrained.sample(logits), b = suppressed.sample(same);
        ASSERT_TRUE(a && b);
        ASSERT_EQ(a->chosen.id, b->chosen.id);
        ASSERT_EQ(a->chosen.logprob, b->chosen.logprob);
        ASSERT_EQ(a->top.size(), 3u);
        chosen.push_back(a->chosen.id);
      }
      EXPECT_EQ(constraint->accepted, chosen);
    }
  }
}

TEST(Sampler, AConstraintThatLeavesNothingIsAnError) {
  SamplerOptions options{.suppressed = {5}};
  options.constraint = std::make_shared<FixedMask>(std::vector<uint64_t>{uint64_t{1} << 5});
  Sampler sampler(plain(), options, {});
  std::vector<float> logits(100, 1.0f);
  const auto sampled = sampler.sample(logits);
  ASSERT_FALSE(sampled);
  EXPECT_EQ(sampled.error().category, ErrorCategory::kInvalidArgument);
}

}  // namespace
}  // namespace hearth::engine
