#include "base/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "base/platform/processors.h"

namespace hearth {
namespace {

// About 20-50 microseconds: longer than the gap between two operations of a forward pass, far shorter than
// the gap between two requests.
constexpr int kSpins = 4000;
constexpr size_t kCacheLine = 128;

}  // namespace

struct ThreadPool::State {
  // A region is published by raising `generation`; each worker answers by lowering `remaining`.
  alignas(kCacheLine) std::atomic<uint64_t> generation{0};
  alignas(kCacheLine) std::atomic<int> remaining{0};
  alignas(kCacheLine) std::atomic<int> sleepers{0};
  FunctionRef<void(int)>* body = nullptr;
  std::atomic<bool> stopping{false};

  std::mutex sleep_mutex;
  std::condition_variable wake;
  std::mutex region_mutex;
  std::vector<std::thread> workers;

  void work(int thread) {
    platform::prepare_compute_thread();
    uint64_t seen = 0;
    while (true) {
      seen = wait_for_region(seen);
      if (stopping.load(std::memory_order_acquire)) return;
      (*body)(thread);
      remaining.fetch_sub(1, std::memory_order_release);
    }
  }

  uint64_t wait_for_region(uint64_t seen) {
    for (int spin = 0; spin < kSpins; ++spin) {
      const uint64_t now = generation.load(std::memory_order_acquire);
      if (now != seen) return now;
      platform::spin_pause();
    }
    std::unique_lock lock(sleep_mutex);
    sleepers.fetch_add(1);
    wake.wait(lock, [&] { return generation.load(std::memory_order_acquire) != seen; });
    sleepers.fetch_sub(1);
    return generation.load(std::memory_order_acquire);
  }

  void publish() {
    generation.fetch_add(1);
    if (sleepers.load() > 0) {
      std::lock_guard lock(sleep_mutex);
      wake.notify_all();
    }
  }
};

ThreadPool::ThreadPool(int n_threads) : state_(std::make_unique<State>()) {
  for (int thread = 1; thread < std::max(n_threads, 1); ++thread) {
    state_->workers.emplace_back([state = state_.get(), thread] { state->work(thread); });
  }
}

ThreadPool::~ThreadPool() {
  state_->stopping.store(true, std::memory_order_release);
  {
    std::lock_guard lock(state_->sleep_mutex);
    state_->generation.fetch_add(1);
    state_->wake.notify_all();
  }
  for (std::thread& worker : state_->workers) worker.join();
}

int ThreadPool::n_threads() const {
  return static_cast<int>(state_->workers.size()) + 1;
}

void ThreadPool::run(FunctionRef<void(int)> body) {
  std::lock_guard lock(state_->region_mutex);
  if (state_->workers.empty()) return body(0);
  state_->body = &body;
  state_->remaining.store(static_cast<int>(state_->workers.size()), std::memory_order_relaxed);
  state_->publish();
  body(0);
  for (int spin = 0; state_->remaining.load(std::memory_order_acquire) != 0; ++spin) {
    if (spin < kSpins) {
      platform::spin_pause();
    } else {
      std::this_thread::yield();  // the machine is busier than it has processors
    }
  }
}

void ThreadPool::parallel_for(size_t n, size_t grain, FunctionRef<void(size_t, size_t)> body) {
  if (n == 0) return;
  grain = std::max<size_t>(grain, 1);
  if (n <= grain) return body(0, n);
  std::atomic<size_t> next{0};
  run([&](int) {
    for (size_t begin; (begin = next.fetch_add(grain, std::memory_order_relaxed)) < n;) {
      body(begin, std::min(begin + grain, n));
    }
  });
}

int ThreadPool::usable_processors() {
  return platform::usable_processors();
}

}  // namespace hearth
