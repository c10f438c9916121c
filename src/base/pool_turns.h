// Whose turn it is where several threads use one ThreadPool, say an engine that streams and an embedder that
// reads long lists: each gets its share of the time, however long its regions are.
//
// Fair queueing by start times (Goyal, Vin and Cheng 1996): a caller that wants the pool has a clock of the
// time it has had, divided by its share, and goes on until it is one slice ahead of the others. A caller that
// comes back from elsewhere starts where the others are, so nobody saves time up. Between two regions of a
// forward pass the pool is kept free for a moment, or whoever waits would get in after every region.
//
// Numbers in, decisions out; the pool brings the times and the mutex.
#pragma once

#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

namespace hearth {

class PoolTurns {
 public:
  using Time = std::chrono::nanoseconds;  // of any steady clock
  using Caller = std::thread::id;

  // How far a caller may get ahead of one that waits; short beside a step, long beside a change of threads.
  static constexpr Time kSlice = std::chrono::milliseconds(2);
  // So long the pool stays with the caller that used it last.
  static constexpr Time kPause = std::chrono::microseconds(300);

  // The caller wants to run a region; then may_start() is asked until it says yes.
  void arrive(Caller caller, double share, Time now);
  bool may_start(Caller caller, Time now) const;
  void start(Caller caller, Time now);
  // True: somebody else may start now.
  bool end(Time now);

  bool others_wait(Caller caller) const;

 private:
  struct Account {
    Caller caller;
    double share = 1;
    double had = 0;  // nanoseconds, divided by the share
    bool waits = false;
    Time seen{};  // when it last had the pool, or came
  };

  Account* find(Caller caller);
  // The one whose turn it is among those that wait; nullptr when there is none.
  const Account* first_waiting() const;
  bool turn_is_over(const Account& owner) const;

  std::vector<Account> accounts_;
  Caller owner_{};  // the last one that started
  bool running_ = false;
  Time started_{}, ended_{};
};

// What the calling thread gets of a pool when others want it as well, in proportion; 1 unless it is set.
void set_pool_share(double share);
double pool_share();

}  // namespace hearth
