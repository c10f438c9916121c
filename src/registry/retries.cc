#include "registry/retries.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <thread>

namespace hearth::registry {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestPause{60'000};      // of our own
constexpr milliseconds kLongestAskedFor{120'000};  // that is waited for

}  // namespace

std::optional<milliseconds> Retries::pause_after(int n_failed, milliseconds asked) const {
  if (n_failed >= n_attempts || asked > kLongestAskedFor) return std::nullopt;
  const milliseconds own = std::min(first_pause * (int64_t{1} << std::min(n_failed - 1, 20)), kLongestPause);
  return std::max(own, asked);
}

bool is_passing(int status) {
  return status == 408 || status == 429 || status >= 500;
}

bool is_passing(const Result<net::HttpReply>& reply) {
  return reply ? is_passing(reply->status) : reply.error().category == ErrorCategory::kIo;
}

milliseconds asked_pause(const net::HttpReply& reply) {
  const std::string text(reply.header("retry-after"));
  return std::chrono::seconds(std::clamp(std::atoi(text.c_str()), 0, 86'400));
}

milliseconds asked_pause(const Result<net::HttpReply>& reply) {
  return reply ? asked_pause(*reply) : milliseconds(0);
}

bool sleep_unless(const std::atomic<bool>* cancelled, milliseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  for (;;) {
    if (cancelled != nullptr && cancelled->load()) return false;
    const auto left = until - std::chrono::steady_clock::now();
    if (left <= left.zero()) return true;
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(left, milliseconds(50)));
  }
}

}  // namespace hearth::registry
