#include "app/chat/interrupt.h"

#include <atomic>

namespace hearth::app {
namespace {

// Signal handlers can reach nothing else.
std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

}  // namespace

InterruptFlag::InterruptFlag() {
  interrupted = false;
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = true; };
  sigemptyset(&action.sa_mask);  // no SA_RESTART: reading a line ends with EINTR
  sigaction(SIGINT, &action, &previous_);
}

InterruptFlag::~InterruptFlag() {
  sigaction(SIGINT, &previous_, nullptr);
}

bool InterruptFlag::take() {
  return interrupted.exchange(false);
}

}  // namespace hearth::app
