// A line on standard error that shows how far a long piece of work is. Only on a terminal, and only once the
// work has taken a second.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>

namespace hearth::app {

// `kept_bytes`: of what is done, what was there before; it says nothing about the speed.
// "loading qwen3  45 %  [#########           ]  2.1 GB of 4.7 GB  1.2 GB/s  2 s left"
std::string progress_line(const std::string& label, uint64_t done_bytes, uint64_t total_bytes, double seconds,
                          uint64_t kept_bytes = 0);

// Thread-safe. The line is removed at the end.
class ProgressBar {
 public:
  ProgressBar(std::string label, std::FILE* stream, bool is_terminal);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void update(uint64_t done_bytes, uint64_t total_bytes, uint64_t kept_bytes = 0);

 private:
  using Clock = std::chrono::steady_clock;

  std::string label_;
  std::FILE* stream_;
  bool is_terminal_;
  Clock::time_point start_ = Clock::now();
  std::mutex mutex_;
  Clock::time_point drawn_{};
  bool shown_ = false;
};

}  // namespace hearth::app
