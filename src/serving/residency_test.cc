#include "serving/residency.h"

#include <gtest/gtest.h>

namespace hearth::serving {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using Kind = Residency::Decision::Kind;

class ResidencyTest : public ::testing::Test {
 protected:
  void expect(Kind kind, Residency::Id model) {
    const Residency::Decision decision = residency_.decide(now_);
    EXPECT_EQ(decision.kind, kind);
    EXPECT_EQ(decision.model, model);
  }
  void expect_wait(std::optional<seconds> for_time = {}) {
    const Residency::Decision decision = residency_.decide(now_);
    EXPECT_EQ(decision.kind, Kind::kWait);
    const std::optional<Residency::Time> until = for_time ? std::optional(now_ + *for_time) : std::nullopt;
    EXPECT_EQ(decision.until, until);
  }
  // A model with one user.
  void bring_in(Residency::Id model, std::optional<KeepAlive> keep_alive = {}) {
    EXPECT_FALSE(residency_.request(model, keep_alive));
    expect(Kind::kLoad, model);
    residency_.loaded(model, now_);
  }

  Residency residency_;
  Residency::Time now_ = Residency::Time{} + std::chrono::hours(1);
  Residency::Id a_ = residency_.add(minutes(5));
  Residency::Id b_ = residency_.add(minutes(5));
};

TEST_F(ResidencyTest, LoadsForTheFirstRequestAndLeavesSomeTimeAfterTheLast) {
  expect_wait();
  EXPECT_FALSE(residency_.request(a_, {}));
  EXPECT_FALSE(residency_.request(a_, {}));
  expect(Kind::kLoad, a_);
  EXPECT_FALSE(residency_.request(a_, {}));  // while it is loaded
  expect_wait();
  residency_.loaded(a_, now_);
  EXPECT_EQ(residency_.n_users(a_), 3u);
  EXPECT_TRUE(residency_.request(a_, {}));
  for (int i = 0; i < 4; ++i) {
    expect_wait();
    residency_.release(a_, now_);
  }
  expect_wait(minutes(5));
  now_ += minutes(4);
  EXPECT_TRUE(residency_.request(a_, {}));
  now_ += minutes(4);
  residency_.release(a_, now_);
  expect_wait(minutes(5));
  now_ += minutes(5);
  expect(Kind::kUnload, a_);
  EXPECT_FALSE(residency_.present(a_));
  residency_.unloaded(a_);
  expect_wait();
}

TEST_F(ResidencyTest, ARequestsKeepAliveHoldsUntilAnotherOne) {
  bring_in(a_, seconds(10));
  residency_.release(a_, now_);
  expect_wait(seconds(10));
  EXPECT_TRUE(residency_.request(a_, {}));
  residency_.release(a_, now_);
  expect_wait(seconds(10));
  EXPECT_TRUE(residency_.request(a_, kKeepForever));
  residency_.release(a_, now_);
  expect_wait();
  EXPECT_FALSE(residency_.expiry(a_, now_));
  EXPECT_TRUE(residency_.request(a_, KeepAlive(0)));
  expect_wait();  // in use
  residency_.release(a_, now_);
  expect(Kind::kUnload, a_);
  residency_.unloaded(a_);

  bring_in(a_);  // the default again
  residency_.release(a_, now_);
  expect_wait(minutes(5));
}

TEST_F(ResidencyTest, DismissedWhileInUseLeavesAfterTheLastRequest) {
  residency_.dismiss(a_);  // not there: nothing to do
  bring_in(a_, kKeepForever);
  residency_.dismiss(a_);
  expect_wait();
  EXPECT_TRUE(residency_.request(a_, {}));
  residency_.release(a_, now_);
  expect_wait();
  residency_.release(a_, now_);
  expect(Kind::kUnload, a_);

  // A request that comes while it leaves brings it back, with the default time.
  EXPECT_FALSE(residency_.request(a_, {}));
  expect_wait();
  residency_.unloaded(a_);
  expect(Kind::kLoad, a_);
  residency_.loaded(a_, now_);
  residency_.release(a_, now_);
  expect_wait(minutes(5));
}

TEST_F(ResidencyTest, ModelsAreLoadedInTheOrderOfTheirRequests) {
  EXPECT_FALSE(residency_.request(b_, {}));
  EXPECT_FALSE(residency_.request(a_, {}));
  EXPECT_FALSE(residency_.request(b_, {}));
  EXPECT_EQ(residency_.n_waiting(), 3u);
  expect(Kind::kLoad, b_);
  residency_.load_failed(b_);
  EXPECT_EQ(residency_.n_waiting(), 1u);
  expect(Kind::kLoad, a_);
  residency_.abandon(a_);
  residency_.loaded(a_, now_);
  EXPECT_EQ(residency_.n_users(a_), 0u);
  expect_wait(minutes(5));
}

TEST_F(ResidencyTest, NobodyWaitsSoNothingIsLoaded) {
  EXPECT_FALSE(residency_.request(a_, {}));
  residency_.abandon(a_);
  expect_wait();
}

TEST_F(ResidencyTest, ShortMemoryLetsTheLongestIdleGo) {
  const Residency::Id c = residency_.add(minutes(5));
  bring_in(b_, kKeepForever);
  residency_.release(b_, now_);
  now_ += seconds(1);
  bring_in(a_);
  residency_.release(a_, now_);
  now_ += seconds(1);

  EXPECT_FALSE(residency_.request(c, {}));
  expect(Kind::kLoad, c);
  residency_.short_of_memory(c);
  expect(Kind::kUnload, b_);
  residency_.unloaded(b_);
  expect(Kind::kLoad, c);
  residency_.short_of_memory(c);
  expect(Kind::kUnload, a_);
  residency_.unloaded(a_);
  expect(Kind::kLoad, c);
  residency_.short_of_memory(c);
  expect(Kind::kGiveUp, c);  // alone, and still too large
  residency_.load_failed(c);
  expect_wait();
}

TEST_F(ResidencyTest, ShortMemoryWaitsForAModelThatIsAnswering) {
  bring_in(a_, kKeepForever);
  EXPECT_FALSE(residency_.request(b_, {}));
  expect(Kind::kLoad, b_);
  residency_.short_of_memory(b_);
  expect_wait();
  EXPECT_TRUE(residency_.request(a_, {}));
  residency_.release(a_, now_);
  expect_wait();
  residency_.release(a_, now_);
  expect(Kind::kUnload, a_);
  residency_.unloaded(a_);
  expect(Kind::kLoad, b_);
  residency_.loaded(b_, now_);
}

TEST_F(ResidencyTest, OnceNobodyWaitsAShortageIsForgotten) {
  bring_in(a_, kKeepForever);
  EXPECT_FALSE(residency_.request(b_, {}));
  expect(Kind::kLoad, b_);
  residency_.short_of_memory(b_);
  residency_.abandon(b_);
  residency_.release(a_, now_);
  expect_wait();  // a_ stays
  EXPECT_FALSE(residency_.request(b_, {}));
  expect(Kind::kLoad, b_);
}

TEST_F(ResidencyTest, TimesBeyondTheClockAreForGood) {
  bring_in(a_, KeepAlive::max() - KeepAlive(1));
  residency_.release(a_, now_);
  expect_wait();
  EXPECT_FALSE(residency_.expiry(a_, now_));
}

}  // namespace
}  // namespace hearth::serving
