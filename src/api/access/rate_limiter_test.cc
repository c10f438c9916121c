#include "api/access/rate_limiter.h"

#include <gtest/gtest.h>

namespace hearth::api {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const RateLimiter::Time kStart{seconds(1'000)};

TEST(RateLimiter, GivesAMinutesWorthAndThenARate) {
  RateLimiter limiter(6);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(limiter.take("a", kStart), 0) << i;
  EXPECT_EQ(limiter.take("a", kStart), 10);
  EXPECT_EQ(limiter.take("b", kStart), 0) << "callers do not share";
  EXPECT_EQ(limiter.take("a", kStart + seconds(4)), 6);
  EXPECT_EQ(limiter.take("a", kStart + milliseconds(9'500)), 1) << "never less than a second";
  EXPECT_EQ(limiter.take("a", kStart + seconds(10)), 0);
  EXPECT_EQ(limiter.take("a", kStart + seconds(10)), 10);
}

TEST(RateLimiter, DoesNotSaveUpMoreThanAMinute) {
  RateLimiter limiter(2);
  EXPECT_EQ(limiter.take("a", kStart), 0);
  const auto later = kStart + std::chrono::hours(1);
  EXPECT_EQ(limiter.take("a", later), 0);
  EXPECT_EQ(limiter.take("a", later), 0);
  EXPECT_EQ(limiter.take("a", later), 30);
}

TEST(RateLimiter, ZeroIsNoLimit) {
  RateLimiter limiter(0);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(limiter.take("a", kStart), 0);
  EXPECT_EQ(limiter.n_callers(), 0u);
}

TEST(RateLimiter, RemembersABoundedNumberOfCallers) {
  RateLimiter limiter(1);
  for (size_t i = 0; i < 3 * RateLimiter::kMaxCallers; ++i) {
    EXPECT_EQ(limiter.take(std::to_string(i), kStart + milliseconds(i)), 0);
    ASSERT_LE(limiter.n_callers(), RateLimiter::kMaxCallers);
  }
  const size_t last = 3 * RateLimiter::kMaxCallers - 1;
  EXPECT_NE(limiter.take(std::to_string(last), kStart + milliseconds(last)), 0) << "the latest is remembered";
  RateLimiter at_once(1);
  for (size_t i = 0; i < 2 * RateLimiter::kMaxCallers; ++i) at_once.take(std::to_string(i), kStart);
  EXPECT_LE(at_once.n_callers(), RateLimiter::kMaxCallers);
}

TEST(RateLimiter, TimeThatStandsStillOrGoesBackGivesNothing) {
  RateLimiter limiter(1);
  EXPECT_EQ(limiter.take("a", kStart), 0);
  EXPECT_EQ(limiter.take("a", kStart - seconds(100)), 60);
}

TEST(RateLimiter, OneHouseholdIsOneCaller) {
  EXPECT_EQ(network_of("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(network_of("2001:db8:1:2:3:4:5:6"), network_of("2001:db8:1:2::9"));
  EXPECT_NE(network_of("2001:db8:1:2::1"), network_of("2001:db8:1:3::1"));
  EXPECT_EQ(network_of("::ffff:192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(network_of("no address"), "no address");
}

}  // namespace
}  // namespace hearth::api
