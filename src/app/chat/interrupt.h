// Ctrl-C as a question instead of an end: while one of these lives, SIGINT sets a flag.
#pragma once

#include <csignal>

namespace hearth::app {

class InterruptFlag {
 public:
  InterruptFlag();
  ~InterruptFlag();
  InterruptFlag(const InterruptFlag&) = delete;
  InterruptFlag& operator=(const InterruptFlag&) = delete;

  // Whether there was one since the last call.
  bool take();

 private:
  struct sigaction previous_ {};
};

}  // namespace hearth::app
