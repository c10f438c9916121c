// Requests that failed in passing and are made again: how often, and how long after.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>

#include "base/result.h"
#include "net/http_client.h"

namespace hearth::registry {

struct Retries {
  int n_attempts = 4;                          // in all
  std::chrono::milliseconds first_pause{500};  // doubles with each attempt

  // How long to wait after so many failures, one of them at least, of which the last asks for `asked`.
  // nullopt: it has been tried often enough, or would have to wait too long.
  std::optional<std::chrono::milliseconds> pause_after(int n_failed, std::chrono::milliseconds asked) const;
};

// Whether a reply with this status, or this error instead of a reply, may be another one next time.
bool is_passing(int status);
bool is_passing(const Result<net::HttpReply>& reply);
// What its Retry-After says; 0 where it says nothing, or a date.
std::chrono::milliseconds asked_pause(const net::HttpReply& reply);
std::chrono::milliseconds asked_pause(const Result<net::HttpReply>& reply);

// False: the flag was set meanwhile.
bool sleep_unless(const std::atomic<bool>* cancelled, std::chrono::milliseconds time);

}  // namespace hearth::registry
