// How often each caller may do something: one token bucket per caller (a bucket holds a minute's worth and
// fills steadily). Thread-safe.
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <unordered_map>

namespace hearth::api {

class RateLimiter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // 0 = no limit.
  explicit RateLimiter(int per_minute) : per_minute_(per_minute) {}

  // Takes one; 0 = granted, else the seconds after which there is one again (at least 1).
  int take(const std::string& caller, Time now);

  // Callers that are remembered; bounded, the longest unseen are forgotten first.
  size_t n_callers() const;
  static constexpr size_t kMaxCallers = 16'384;

 private:
  struct Bucket {
    double tokens = 0;
    Time at;
  };
  void forget_some(Time now);

  const int per_minute_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_;
};

// What counts as one caller: an address, for IPv6 its network of 64 bits, of which one household has as many
// addresses as it likes. The text of an address in, as the system prints it.
std::string network_of(std::string_view address);

}  // namespace hearth::api
