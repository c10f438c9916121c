#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace hearth {
namespace {

TEST(ThreadPool, RunsTheBodyOncePerSlot) {
  for (int n : {1, 2, 5}) {
    ThreadPool pool(n);
    EXPECT_EQ(pool.n_threads(), n);
    std::vector<std::atomic<int>> calls(n);
    for (int repeat = 0; repeat < 200; ++repeat) pool.run([&](int slot) { ++calls[slot]; });
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

TEST(ThreadPool, WorksOnAtMostAsManyThreadsAsAsked) {
  ThreadPool pool(4);
  for (int limit : {1, 2, 3, 9}) {
    std::mutex mutex;
    std::set<std::thread::id> threads;
    const auto look = [&] {
      std::lock_guard lock(mutex);
      threads.insert(std::this_thread::get_id());
    };
    std::atomic<int> slots{0};
    pool.run(
        [&](int slot) {
          EXPECT_LT(slot, limit);
          ++slots;
          look();
        },
        limit);
    EXPECT_EQ(slots, std::min(limit, 4));
    pool.parallel_for(
        100, 1, [&](size_t, size_t) { look(); }, limit);
    EXPECT_LE(threads.size(), static_cast<size_t>(limit));
  }
}

// A worker that is held up keeps one chunk; the caller does the others meanwhile.
TEST(ThreadPool, AThreadThatIsHeldUpKeepsOnlyWhatItBegan) {
  ThreadPool pool(2);
  const auto caller = std::this_thread::get_id();
  constexpr size_t kChunks = 50;
  std::atomic<size_t> done{0};
  std::atomic<bool> held{false};
  pool.parallel_for(kChunks, 1, [&](size_t, size_t) {
    if (std::this_thread::get_id() != caller && !held.exchange(true)) {
      while (done < kChunks - 1) std::this_thread::yield();
    }
    ++done;
  });
  EXPECT_EQ(done, kChunks);
}

// Short regions one after the other, each with its own body and data on the stack: a thread that comes late
// must find neither.
TEST(ThreadPool, LateThreadsTouchNothingOfAnEndedRegion) {
  ThreadPool pool(4);
  uint64_t random = 1;
  for (int region = 0; region < 20000; ++region) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    const size_t n = 1 + (random >> 33) % 9;
    const int limit = 1 + static_cast<int>((random >> 50) % 4);
    std::array<int, 9> hits{};  // not atomic: the pool alone orders the writes
    pool.parallel_for(
        n, 1, [&](size_t begin, size_t) { ++hits[begin]; }, limit);
    for (size_t i = 0; i < hits.size(); ++i) ASSERT_EQ(hits[i], i < n ? 1 : 0) << region;
    if (region % 1000 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));  // some go to sleep
  }
}

TEST(ThreadPool, CountsItsWaits) {
  ThreadPool pool(2);
  pool.run([](int slot) {
    if (slot == 1) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  });
  pool.run([](int) {});
  pool.run([](int) {}, 1);
  EXPECT_EQ(pool.waits().regions, 2u);
  // Where other programs take the processors, a wait may be over before its thread has begun it.
  for (int i = 0; i < 100 && pool.waits().sleeps == 0; ++i) {
    pool.run([](int slot) {
      if (slot == 1) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    });
  }
  EXPECT_GE(pool.waits().sleeps, 1u);
}

TEST(ThreadPool, CountsAtLeastOneProcessor) {
  EXPECT_GE(ThreadPool::usable_processors(), 1);
}

}  // namespace
}  // namespace hearth
