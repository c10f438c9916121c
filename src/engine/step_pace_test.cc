#include "engine/step_pace.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace hearth::engine {
namespace {

// A machine on which a step takes a while and each row some more.
struct Machine {
  double step = 0.075;
  double row = 0.026;
  double seconds(int64_t n_rows) const { return step + row * static_cast<double>(n_rows); }
};

// Steps as an engine takes them; the rows of prompts of the last one.
int64_t run(StepPace& pace, const Machine& machine, int64_t n_decoding, int n_steps) {
  int64_t n = 0;
  for (int i = 0; i < n_steps; ++i) {
    n = pace.prompt_rows(n_decoding, 256);
    pace.add(n_decoding, n, machine.seconds(n_decoding + n));
  }
  return n;
}

TEST(StepPace, BesideDecodingAStepStaysBelowTwo) {
  for (const int64_t n_decoding : {1, 4, 8}) {
    const Machine machine;
    StepPace pace;
    EXPECT_EQ(pace.prompt_rows(n_decoding, 256), 0);  // measures first
    double worst = 0;
    for (int i = 0; i < 50; ++i) {
      const int64_t n = pace.prompt_rows(n_decoding, 256);
      const double seconds = machine.seconds(n_decoding + n);
      pace.add(n_decoding, n, seconds);
      worst = std::max(worst, seconds / machine.seconds(n_decoding));
    }
    EXPECT_LT(worst, 2.1);
    EXPECT_GT(run(pace, machine, n_decoding, 1), 0);
  }
}

// What a client sees through a prompt of 8,000 tokens, whose rows get dearer with their depth.
TEST(StepPace, NineteenOfTwentyStepsStayBelowTwoHoweverTimesScatter) {
  double rows_without_scatter = 0;
  for (const double scatter : {0.0, 0.05, 0.1}) {
    Machine machine;
    StepPace pace;
    std::mt19937 random(1);
    std::normal_distribution<double> noise(1, scatter);
    std::vector<double> alone, beside;
    for (int i = 0; i < 50; ++i) alone.push_back(machine.seconds(1) * noise(random));
    for (const double seconds : alone) pace.add(1, 0, seconds);
    int64_t n_read = 0;
    while (n_read < 8000) {
      const int64_t n = pace.prompt_rows(1, 256);
      machine.row = 0.026 * (1 + static_cast<double>(n_read) / 16'000);
      const double decode = machine.step + 0.026;  // of a text that does not grow as fast
      const double seconds = (decode + machine.row * static_cast<double>(n)) * std::max(0.5, noise(random));
      pace.add(1, n, seconds);
      beside.push_back(seconds);
      n_read += n;
    }
    const auto quantile = [](std::vector<double>& list, double q) {
      std::sort(list.begin(), list.end());
      return list[static_cast<size_t>(q * static_cast<double>(list.size()))];
    };
    EXPECT_LE(quantile(beside, 0.95), 2 * quantile(alone, 0.5)) << scatter;
    const double rows = static_cast<double>(n_read) / static_cast<double>(beside.size());
    if (scatter == 0) rows_without_scatter = rows;
    EXPECT_GE(rows, rows_without_scatter * (1 - 2 * scatter)) << scatter;
  }
}

TEST(StepPace, AloneAStepIsBounded) {
  const Machine machine;
  StepPace pace;
  const int64_t n = run(pace, machine, 0, 20);
  EXPECT_NEAR(machine.seconds(n), 1.6, 0.1);
  const Machine fast = {0.001, 0.0001};
  EXPECT_EQ(run(pace, fast, 0, 20), 256);
}

TEST(StepPace, ShortStepsNeedNotBeShorter) {
  const Machine fast = {0.001, 0.0001};
  StepPace pace;
  EXPECT_GT(run(pace, fast, 1, 30), 100);
}

TEST(StepPace, FollowsAMachineThatGetsSlower) {
  StepPace pace;
  run(pace, {}, 1, 50);
  const Machine slow = {0.15, 0.06};
  const int64_t n = run(pace, slow, 1, 120);  // long enough to measure both kinds of steps
  EXPECT_LE(slow.seconds(1 + n), 2 * slow.seconds(1));
}

TEST(StepPace, AMachineThatGetsBusyDoesNotStopPrompts) {
  StepPace pace;
  run(pace, {}, 1, 50);
  const Machine busy = {0.2, 0.026};  // all steps take longer, and not because of the rows
  run(pace, busy, 1, 300);
  EXPECT_GE(run(pace, busy, 1, 1) + run(pace, busy, 1, 1), 8);
}

TEST(StepPace, OneSlowStepDoesNotStopPrompts) {
  const Machine machine;
  StepPace pace;
  const int64_t before = run(pace, machine, 1, 50);
  pace.add(1, before, 10);
  EXPECT_GE(pace.prompt_rows(1, 256), 1);
  EXPECT_GE(run(pace, machine, 1, 30), before - 1);
}

}  // namespace
}  // namespace hearth::engine
