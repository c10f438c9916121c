#include "base/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "base/platform/parker.h"
#include "base/platform/processors.h"
#include "base/pool_turns.h"

namespace hearth {
namespace {

using Clock = std::chrono::steady_clock;

// Longer than the gap between two operations of a forward pass, far shorter than the gap between two
// requests.
constexpr std::chrono::microseconds kSpin{50};

// How often a caller that waits for its turn looks whether the other one has gone away meanwhile.
constexpr std::chrono::milliseconds kLookAgain{1};

PoolTurns::Time since_some_time() {
  return Clock::now().time_since_epoch();
}

// The pieces of the current region nobody has claimed, and how many threads may claim, in one word: whoever
// lowers the count has checked with the same operation that it may.
constexpr int kLimitShift = 48;
constexpr uint64_t kCountMask = (uint64_t{1} << kLimitShift) - 1;

bool may_claim(uint64_t word, int thread) {
  return (word & kCountMask) != 0 && static_cast<uint64_t>(thread) < word >> kLimitShift;
}

}  // namespace

struct ThreadPool::State {
  // A region lives from the store of `unclaimed` until `unfinished` is 0. `body` and `n_pieces` are written
  // before and not changed meanwhile, so a thread may read them once it has claimed a piece, and only then:
  // its own piece keeps the region alive. A thread that comes late finds no piece and touches nothing.
  alignas(platform::kLineBytes) std::atomic<uint64_t> unclaimed{0};
  const FunctionRef<void(size_t)>* body = nullptr;
  size_t n_pieces = 0;
  alignas(platform::kLineBytes) std::atomic<size_t> unfinished{0};
  platform::Parker caller;

  alignas(platform::kLineBytes) std::atomic<bool> stopping{false};
  std::chrono::nanoseconds spin = kSpin;
  std::mutex turns_mutex;
  std::condition_variable turn_over;
  PoolTurns turns;                        // under turns_mutex
  std::vector<platform::Parker> parkers;  // of worker i + 1
  std::vector<std::thread> workers;

  std::atomic<uint64_t> regions{0}, waited_ns{0}, sleeps{0};

  // Claims and runs pieces until there are none. A thread with pieces to report keeps the region alive, so
  // all it claims belong to one region.
  void help(int thread) {
    size_t n_done = 0;
    uint64_t word = unclaimed.load(std::memory_order_acquire);
    while (may_claim(word, thread)) {
      if (!unclaimed.compare_exchange_weak(word, word - 1, std::memory_order_acq_rel)) continue;
      (*body)(n_pieces - (word & kCountMask));
      ++n_done;
      word = unclaimed.load(std::memory_order_acquire);
    }
    if (n_done > 0 && unfinished.fetch_sub(n_done) == n_done) caller.wake();
  }

  void work(int thread) {
    platform::prepare_compute_thread();
    platform::Parker& parker = parkers[static_cast<size_t>(thread) - 1];
    while (true) {
      if (parker.wait([&] { return may_claim(unclaimed.load(), thread) || stopping.load(); }, spin)) {
        sleeps.fetch_add(1, std::memory_order_relaxed);
      }
      if (stopping.load()) return;
      help(thread);
    }
  }

  // One caller's turn to run a region.
  struct Turn {
    explicit Turn(State& state) : state(state) {
      const auto caller = std::this_thread::get_id();
      std::unique_lock lock(state.turns_mutex);
      auto now = since_some_time();
      state.turns.arrive(caller, pool_share(), now);
      while (!state.turns.may_start(caller, now)) {
        state.turn_over.wait_for(lock, kLookAgain);
        now = since_some_time();
      }
      state.turns.start(caller, now);
    }
    ~Turn() {
      bool over = false;
      {
        std::lock_guard lock(state.turns_mutex);
        over = state.turns.end(since_some_time());
      }
      if (over) state.turn_over.notify_all();
    }
    State& state;
  };

  void run_region(size_t n, int max_threads, FunctionRef<void(size_t)> piece) {
    const Turn turn(*this);
    regions.fetch_add(1, std::memory_order_relaxed);
    body = &piece;
    n_pieces = n;
    unfinished.store(n, std::memory_order_relaxed);
    unclaimed.store(static_cast<uint64_t>(max_threads) << kLimitShift | n);
    const size_t n_helpers = std::min(static_cast<size_t>(max_threads), n) - 1;
    for (size_t i = 0; i < n_helpers; ++i) parkers[i].wake();
    help(0);
    if (unfinished.load() == 0) return;
    const auto begin = Clock::now();
    do {
      if (caller.wait([&] { return unfinished.load() == 0; }, spin)) {
        sleeps.fetch_add(1, std::memory_order_relaxed);
      }
    } while (unfinished.load() != 0);
    const std::chrono::nanoseconds waited = Clock::now() - begin;
    waited_ns.fetch_add(static_cast<uint64_t>(waited.count()), std::memory_order_relaxed);
  }
};

ThreadPool::ThreadPool(int n_threads) : state_(std::make_unique<State>()) {
  n_threads = std::clamp(n_threads, 1, kMaxThreads);
  // More threads than processors: whoever spins keeps another from working.
  if (n_threads > usable_processors()) state_->spin = std::chrono::nanoseconds(0);
  state_->parkers = std::vector<platform::Parker>(static_cast<size_t>(n_threads) - 1);
  for (int thread = 1; thread < n_threads; ++thread) {
    state_->workers.emplace_back([state = state_.get(), thread] { state->work(thread); });
  }
}

ThreadPool::~ThreadPool() {
  state_->stopping.store(true);
  for (platform::Parker& parker : state_->parkers) parker.wake();
  for (std::thread& worker : state_->workers) worker.join();
}

int ThreadPool::n_threads() const {
  return static_cast<int>(state_->workers.size()) + 1;
}

void ThreadPool::run(FunctionRef<void(int)> body, int max_threads) {
  max_threads = std::clamp(max_threads, 1, n_threads());
  if (max_threads == 1) return body(0);
  state_->run_region(static_cast<size_t>(max_threads), max_threads,
                     [&](size_t slot) { body(static_cast<int>(slot)); });
}

void ThreadPool::parallel_for(size_t n, size_t grain, FunctionRef<void(size_t, size_t)> body,
                              int max_threads) {
  if (n == 0) return;
  grain = std::max<size_t>(grain, 1);
  max_threads = std::clamp(max_threads, 1, n_threads());
  const size_t n_chunks = n / grain + (n % grain != 0);
  const auto chunk = [&](size_t i) { body(i * grain, std::min(i * grain + grain, n)); };
  if (n_chunks == 1 || max_threads == 1) {
    for (size_t i = 0; i < n_chunks; ++i) chunk(i);
    return;
  }
  state_->run_region(n_chunks, max_threads, chunk);
}

ThreadPool::Waits ThreadPool::waits() const {
  return {.regions = state_->regions.load(std::memory_order_relaxed),
          .nanoseconds = state_->waited_ns.load(std::memory_order_relaxed),
          .sleeps = state_->sleeps.load(std::memory_order_relaxed)};
}

int ThreadPool::usable_processors() {
  return platform::usable_processors();
}

}  // namespace hearth
