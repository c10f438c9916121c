// The policy in simulated time: no clock, no model.
#include "engine/draft_policy.h"

#include <gtest/gtest.h>

#include <functional>

#include "engine/random.h"

namespace hearth::engine {
namespace {

// Seconds of a step by its rows.
using Cost = std::function<double(int64_t)>;

double cheap_rows(int64_t n_rows) {
  return 0.1 * (1 + 0.2 * static_cast<double>(n_rows - 1));
}

// One sequence of n tokens. Each step offers a draft (with chance `offered`), whose tokens are right with
// chance `acceptance(token number)`.
struct Simulation {
  Cost cost = cheap_rows;
  std::function<double(int64_t)> acceptance;
  double offered = 1;
  int64_t match_length = 4;

  DraftPolicy policy{};
  DraftAcceptance rates{};
  Random random{7};
  int64_t n_drafted = 0;

  // The time of n tokens, as a share of the time they take without drafts.
  double run(int64_t n_tokens) {
    double seconds = 0;
    for (int64_t done = 0; done < n_tokens;) {
      DraftPolicy::Candidate candidate;
      if (random.uniform() < offered)
        candidate = {.acceptance = rates.rate(match_length), .available = kMaxDecodeRows - 1};
      policy.choose(1, kMaxDecodeRows, {&candidate, 1});
      const double step = cost(1 + candidate.n);
      int64_t accepted = 0;
      while (accepted < candidate.n && random.uniform() < acceptance(done + accepted)) ++accepted;
      rates.add(match_length, candidate.n, accepted);
      policy.add(1, candidate.n, accepted, step * (0.95 + 0.1 * random.uniform()));
      seconds += step;
      n_drafted += candidate.n;
      done += 1 + accepted;
    }
    return seconds / (static_cast<double>(n_tokens) * cost(1));
  }
};

TEST(DraftPolicyTest, TextThatRepeatsGetsFaster) {
  Simulation always{.acceptance = [](int64_t) { return 0.99; }};
  EXPECT_LT(always.run(1000), 0.4);  // the best is 2.4 / 7.7
  Simulation often{.acceptance = [](int64_t) { return 0.6; }};
  EXPECT_LT(often.run(1000), 0.85);
}

TEST(DraftPolicyTest, DraftsThatAreAlwaysWrongCostLessThanAPercent) {
  for (const int64_t match_length : {2, 3, 4, 8}) {
    Simulation simulation{.acceptance = [](int64_t) { return 0.0; }, .match_length = match_length};
    EXPECT_LT(simulation.run(1000), 1.01) << match_length;
    EXPECT_LT(simulation.run(10000), 1.006) << match_length;
    EXPECT_GT(simulation.n_drafted, 0) << match_length;
  }
}

TEST(DraftPolicyTest, WithoutMatchesNothingIsDrafted) {
  Simulation simulation{.acceptance = [](int64_t) { return 1.0; }, .offered = 0};
  EXPECT_NEAR(simulation.run(1000), 1, 1e-9);
  EXPECT_EQ(simulation.n_drafted, 0);
}

TEST(DraftPolicyTest, RightDraftsAreNotMadeWhereRowsCostAsMuchAsSteps) {
  Simulation simulation{.cost = [](int64_t n_rows) { return 0.1 * static_cast<double>(n_rows); },
                        .acceptance = [](int64_t) { return 0.95; }};
  EXPECT_LT(simulation.run(2000), 1.01);
}

TEST(DraftPolicyTest, RowsThatCostMuchPayWhenDraftsAreRight) {
  // A mixture of experts: each row brings experts of its own.
  Simulation simulation{.cost = [](int64_t n_rows) { return 0.1 + 0.05 * static_cast<double>(n_rows - 1); },
                        .acceptance = [](int64_t) { return 0.98; }};
  EXPECT_LT(simulation.run(2000), 0.7);
}

TEST(DraftPolicyTest, ComesBackWhenTextBeginsToRepeat) {
  Simulation simulation{.acceptance = [](int64_t token) { return token < 3000 ? 0.0 : 0.98; }};
  simulation.run(3000);
  simulation.acceptance = [](int64_t) { return 0.98; };
  EXPECT_LT(simulation.run(1000), 0.5);
}

TEST(DraftPolicyTest, GetsOverAnEstimateThatWasWrong) {
  Simulation simulation{.acceptance = [](int64_t) { return 0.98; }};
  simulation.cost = [](int64_t n_rows) { return n_rows == 1 ? 0.1 : 2.0; };  // a disturbance
  simulation.run(20);
  simulation.cost = cheap_rows;
  simulation.run(500);
  EXPECT_LT(simulation.run(1000), 0.5);
}

TEST(DraftPolicyTest, RowsAreSharedByTheirChanceToCount) {
  DraftPolicy policy;
  for (int i = 0; i < 10; ++i) policy.add(2, 0, 0, 1.0);
  for (int64_t n_drafted = 1; n_drafted <= 6; ++n_drafted) {
    for (int i = 0; i < 3; ++i)
      policy.add(2, n_drafted, n_drafted, 1.0 + 0.03 * static_cast<double>(n_drafted));
  }
  DraftPolicy::Candidate candidates[] = {{.acceptance = 0.8, .available = 7},
                                         {.acceptance = 0.5, .available = 7}};
  policy.choose(2, 8, candidates);
  EXPECT_EQ(candidates[0].n + candidates[1].n, 6);
  EXPECT_GT(candidates[0].n, candidates[1].n);
  EXPECT_GT(candidates[1].n, 0);
  DraftPolicy::Candidate short_draft[] = {{.acceptance = 0.9, .available = 2},
                                          {.acceptance = 0.5, .available = 1}};
  policy.choose(2, 8, short_draft);
  EXPECT_EQ(short_draft[0].n, 2);
  EXPECT_EQ(short_draft[1].n, 1);
}

TEST(DraftPolicyTest, OtherSequencesAreNotSlowedDownMuch) {
  DraftPolicy policy;
  for (int i = 0; i < 10; ++i) policy.add(2, 0, 0, 1.0);
  for (int i = 0; i < 3; ++i) policy.add(2, 1, 1, 1.2);
  for (int i = 0; i < 3; ++i) policy.add(2, 2, 2, 1.4);
  DraftPolicy::Candidate candidates[] = {{.acceptance = 0.99, .available = 6}, {}};
  policy.choose(2, 8, candidates);
  EXPECT_EQ(candidates[0].n, 1);
}

TEST(DraftPolicyTest, NothingIsDraftedBeforeAPlainStepWasMeasured) {
  DraftPolicy policy;
  DraftPolicy::Candidate candidate{.acceptance = 1, .available = 7};
  policy.choose(1, 8, {&candidate, 1});
  EXPECT_EQ(candidate.n, 0);
}

TEST(StepTimesTest, MediansInterpolationAndGuess) {
  StepTimes times;
  EXPECT_EQ(times.expected(1), 0);
  for (const double seconds : {1.0, 1.0, 9.0}) times.add(1, seconds);
  EXPECT_EQ(times.measured(1), 1.0);
  EXPECT_EQ(times.measured(3), 0);
  EXPECT_DOUBLE_EQ(times.expected(3), 1.5);
  times.add(5, 3.0);
  EXPECT_DOUBLE_EQ(times.expected(3), 2.0);
  EXPECT_DOUBLE_EQ(times.expected(7), 4.0);
  times.add(100, 50.0);  // more rows than drafts may make: not kept
  for (int i = 0; i < 200; ++i) times.add(1, 2.0);
  EXPECT_EQ(times.measured(1), 2.0);
  EXPECT_EQ(times.measured(5), 0);  // forgotten
}

}  // namespace
}  // namespace hearth::engine
