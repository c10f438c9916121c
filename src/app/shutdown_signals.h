// SIGINT and SIGTERM as calls on a thread of their own; SIGHUP is taken and has no effect.
#pragma once

#include <atomic>
#include <csignal>
#include <functional>
#include <mutex>
#include <thread>

namespace hearth::app {

class ShutdownSignals {
 public:
  // Blocks the signals for this thread and those it starts. Until watch(), one of them ends the process.
  ShutdownSignals();
  ~ShutdownSignals();
  ShutdownSignals(const ShutdownSignals&) = delete;
  ShutdownSignals& operator=(const ShutdownSignals&) = delete;

  // From now on the first signal calls `first`, every later one `again`.
  void watch(std::function<void()> first, std::function<void()> again);
  // No calls after this returns. Not from within one.
  void stop();

 private:
  void wait_for_signals();

  sigset_t signals_{};
  sigset_t previous_{};
  std::mutex mutex_;  // of the two functions
  std::function<void()> first_;
  std::function<void()> again_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

}  // namespace hearth::app
