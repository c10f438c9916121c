#pragma once

namespace hearth::api {

// What one caller may have: the owner of a key, or an address (rate_limiter.h) where none came. 0 = no limit.
struct CallerLimits {
  int requests_per_minute = 0;
  int concurrent_requests = 0;
  int wrong_keys_per_minute =
      10;  // of one address; beyond it 429 instead of 401. A right key gets in nonetheless.
};

}  // namespace hearth::api
