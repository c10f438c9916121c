#include "base/pool_turns.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hearth {
namespace {

using namespace std::chrono_literals;
using Time = PoolTurns::Time;

// Two threads on one pool, in made-up time. Each has regions of a length and pauses between them.
struct Program {
  Time region, pause;
  double share = 1;
  Time begins{};
};

struct Outcome {
  Time had[2]{};
  Time longest_wait[2]{};
};

Outcome simulate(const Program (&programs)[2], Time until) {
  std::thread first([] {}), second([] {});
  const PoolTurns::Caller ids[2] = {first.get_id(), second.get_id()};
  first.join();
  second.join();
  PoolTurns turns;
  Outcome outcome;
  enum { kAway, kWaits, kRuns } state[2] = {kAway, kAway};
  Time next[2] = {programs[0].begins, programs[1].begins}, since[2]{};
  for (Time now{}; now < until; now += 10us) {
    for (int i = 0; i < 2; ++i) {
      if (state[i] == kRuns && now >= next[i]) {
        turns.end(now);
        outcome.had[i] += programs[i].region;
        state[i] = kAway;
        next[i] = now + programs[i].pause;
      }
      if (state[i] == kAway && now >= next[i]) {
        turns.arrive(ids[i], programs[i].share, now);
        state[i] = kWaits;
        since[i] = now;
      }
    }
    for (int i = 0; i < 2; ++i) {
      if (state[i] != kWaits || !turns.may_start(ids[i], now)) continue;
      turns.start(ids[i], now);
      outcome.longest_wait[i] = std::max(outcome.longest_wait[i], now - since[i]);
      state[i] = kRuns;
      next[i] = now + programs[i].region;
    }
  }
  return outcome;
}

double ratio(const Outcome& outcome) {
  return static_cast<double>(outcome.had[0].count()) / static_cast<double>(outcome.had[1].count());
}

TEST(PoolTurns, LongRegionsGetNoMoreThanShortOnes) {
  const Outcome outcome = simulate({{.region = 100us, .pause = 20us}, {.region = 7ms, .pause = 50us}}, 2s);
  EXPECT_NEAR(ratio(outcome), 1, 0.1);
  EXPECT_LE(outcome.longest_wait[0], 7ms + 1ms);
  EXPECT_LE(outcome.longest_wait[1], 2 * 7ms + 2 * PoolTurns::kSlice);
}

TEST(PoolTurns, SharesAreKept) {
  const Outcome outcome =
      simulate({{.region = 100us, .pause = 10us}, {.region = 1ms, .pause = 10us, .share = 0.5}}, 2s);
  EXPECT_NEAR(ratio(outcome), 2, 0.2);
}

TEST(PoolTurns, NobodyIsKeptWaitingForOneThatHasLeft) {
  // The first one is away most of the time, as an engine without requests.
  const Outcome outcome = simulate({{.region = 1ms, .pause = 100ms}, {.region = 1ms, .pause = 10us}}, 2s);
  EXPECT_GE(outcome.had[1], 1900ms);
  EXPECT_LE(outcome.longest_wait[1], 1ms + 2 * PoolTurns::kPause);
  EXPECT_LE(outcome.longest_wait[0], 1ms + PoolTurns::kSlice);
}

TEST(PoolTurns, TimeAwayIsNotSavedUp) {
  const Outcome outcome =
      simulate({{.region = 1ms, .pause = 10us, .begins = 1s}, {.region = 1ms, .pause = 10us}}, 2s);
  EXPECT_NEAR(static_cast<double>(outcome.had[0].count()), 0.5e9, 0.05e9);
  EXPECT_LE(outcome.longest_wait[1], 3ms + 2 * PoolTurns::kSlice);
}

TEST(PoolTurns, OneCallerAloneNeverWaits) {
  PoolTurns turns;
  const auto id = std::this_thread::get_id();
  for (Time now{}; now < 100ms; now += 1ms) {
    turns.arrive(id, 1, now);
    ASSERT_TRUE(turns.may_start(id, now));
    turns.start(id, now);
    EXPECT_FALSE(turns.end(now + 500us));
  }
}

}  // namespace
}  // namespace hearth
