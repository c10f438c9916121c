#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace hearth {
namespace {

TEST(ThreadPool, RunsTheBodyOncePerThread) {
  for (int n : {1, 2, 5}) {
    ThreadPool pool(n);
    EXPECT_EQ(pool.n_threads(), n);
    std::vector<std::atomic<int>> calls(n);
    for (int repeat = 0; repeat < 200; ++repeat) pool.run([&](int thread) { ++calls[thread]; });
    for (auto& count : calls) EXPECT_EQ(count, 200);
  }
}

TEST(ThreadPool, ParallelForCoversEachItemOnce) {
  ThreadPool pool(3);
  for (size_t n : {0, 1, 7, 1000}) {
    std::vector<std::atomic<int>> hits(n);
    pool.parallel_for(n, 3, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) ++hits[i];
    });
    for (auto& hit : hits) EXPECT_EQ(hit, 1);
  }
}

TEST(ThreadPool, WakesAfterSleeping) {
  ThreadPool pool(2);
  for (int repeat = 0; repeat < 5; ++repeat) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::atomic<int> calls{0};
    pool.run([&](int) { ++calls; });
    EXPECT_EQ(calls, 2);
  }
}

TEST(ThreadPool, CallersFromTwoThreadsTakeTurns) {
  ThreadPool pool(2);
  std::atomic<int> inside{0}, total{0};
  auto caller = [&] {
    for (int i = 0; i < 300; ++i) {
      pool.run([&](int) {
        EXPECT_LE(++inside, 2);
        ++total;
        --inside;
      });
    }
  };
  std::thread other(caller);
  caller();
  other.join();
  EXPECT_EQ(total, 1200);
}

TEST(ThreadPool, CountsAtLeastOneProcessor) {
  EXPECT_GE(ThreadPool::usable_processors(), 1);
}

}  // namespace
}  // namespace hearth
