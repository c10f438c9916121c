#include "api/access/rate_limiter.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cmath>
#include <vector>

namespace hearth::api {

int RateLimiter::take(const std::string& caller, Time now) {
  if (per_minute_ <= 0) return 0;
  const double per_second = per_minute_ / 60.0;
  std::lock_guard lock(mutex_);
  if (buckets_.size() >= kMaxCallers && !buckets_.contains(caller)) forget_some(now);
  const auto [entry, is_new] = buckets_.try_emplace(caller, Bucket{static_cast<double>(per_minute_), now});
  Bucket& bucket = entry->second;
  const double elapsed = std::max(0.0, std::chrono::duration<double>(now - bucket.at).count());
  bucket.tokens = std::min<double>(per_minute_, bucket.tokens + elapsed * per_second);
  bucket.at = now;
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return 0;
  }
  return std::max(1, static_cast<int>(std::ceil((1 - bucket.tokens) / per_second)));
}

size_t RateLimiter::n_callers() const {
  std::lock_guard lock(mutex_);
  return buckets_.size();
}

void RateLimiter::forget_some(Time now) {
  // Nobody is held back by a bucket that is full again.
  std::erase_if(buckets_,
                [&](const auto& entry) { return now - entry.second.at >= std::chrono::minutes(1); });
  if (buckets_.size() < kMaxCallers) return;
  std::vector<Time> times;
  times.reserve(buckets_.size());
  for (const auto& entry : buckets_) times.push_back(entry.second.at);
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  std::erase_if(buckets_, [&](const auto& entry) { return entry.second.at < *middle; });
  if (buckets_.size() >= kMaxCallers) buckets_.clear();  // all were seen at one moment
}

std::string network_of(std::string_view address) {
  boost::system::error_code error;
  const auto parsed = boost::asio::ip::make_address(address, error);
  if (error || !parsed.is_v6()) return std::string(address);
  if (parsed.to_v6().is_v4_mapped()) {
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, parsed.to_v6()).to_string();
  }
  auto bytes = parsed.to_v6().to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), 0);
  return boost::asio::ip::address_v6(bytes).to_string() + "/64";
}

}  // namespace hearth::api
