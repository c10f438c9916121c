#include "base/thread_counts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace hearth {
namespace {

TEST(ThreadCounts, TakesTheFewestThatAreAsFastAsAny) {
  EXPECT_EQ(fewest_fast_threads(16, [](int k) { return 1.0 / k; }), 16);
  EXPECT_EQ(fewest_fast_threads(16, [](int k) { return 1.0 / std::min(k, 4); }), 4);  // memory is full with 4
  EXPECT_EQ(fewest_fast_threads(12, [](int k) { return k <= 4 ? 1.0 / k : 0.25 + 0.01 * k; }),
            4);                                                         // more of them hurt
  EXPECT_EQ(fewest_fast_threads(6, [](int k) { return 1.0 / k; }), 6);  // not a power of two
  EXPECT_EQ(fewest_fast_threads(2, [](int k) { return k == 1 ? 1.02 : 1.0; }), 1);
  EXPECT_EQ(fewest_fast_threads(1, [](int) { return 1.0; }), 1);
}

TEST(ThreadCounts, TheBestRunCounts) {
  int runs = 0;
  EXPECT_EQ(fewest_fast_threads(2, [&](int k) { return ++runs <= 2 ? 1.0 : 1.0 / k; }), 2);
  EXPECT_GT(runs, 2);
}

TEST(ThreadCounts, AreWithinThePool) {
  ThreadPool pool(2);
  const std::vector<std::byte> weights(size_t{64} << 20);
  const ThreadCounts counts = measure_thread_counts(pool, weights);
  EXPECT_TRUE(counts.decode >= 1 && counts.decode <= 2);
  EXPECT_TRUE(counts.prefill >= 1 && counts.prefill <= 2);
}

}  // namespace
}  // namespace hearth
