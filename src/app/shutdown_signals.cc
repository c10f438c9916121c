#include "app/shutdown_signals.h"

#include <pthread.h>

#include <cstdlib>
#include <utility>

namespace hearth::app {

ShutdownSignals::ShutdownSignals() {
  sigemptyset(&signals_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals_, signal);
  pthread_sigmask(SIG_BLOCK, &signals_, &previous_);
  thread_ = std::thread([this] { wait_for_signals(); });
}

ShutdownSignals::~ShutdownSignals() {
  stop();
  pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
}

void ShutdownSignals::watch(std::function<void()> first, std::function<void()> again) {
  const std::lock_guard lock(mutex_);
  first_ = std::move(first);
  again_ = std::move(again);
}

void ShutdownSignals::stop() {
  if (!thread_.joinable()) return;
  ended_ = true;
  pthread_kill(thread_.native_handle(), SIGHUP);  // wakes the thread
  thread_.join();
}

void ShutdownSignals::wait_for_signals() {
  while (!ended_) {
    int signal = 0;
    if (sigwait(&signals_, &signal) != 0 || signal == SIGHUP) continue;
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    // Nothing is being served yet, and whatever is under way has no end to wait for.
    if (!again_) std::_Exit(0);
    if (auto first = std::exchange(first_, nullptr)) {
      first();
    } else {
      again_();
    }
  }
}

}  // namespace hearth::app
