// Until when a connection may take for what it does now. One timer, checked lazily, so that moving the
// deadline later costs nothing. For one strand.
#pragma once

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <functional>

#include "api/http_types.h"

namespace hearth::api {

class ConnectionDeadline {
 public:
  explicit ConnectionDeadline(boost::asio::any_io_executor executor) : timer_(std::move(executor)) {}

  void set(std::chrono::milliseconds from_now) {
    at_ = std::chrono::steady_clock::now() + from_now;
    if (at_ < timer_.expiry()) timer_.expires_at(at_);
  }
  void clear() { at_ = kNever; }

  // It has passed, now or earlier.
  bool passed() const { return passed_; }
  void forgive() { passed_ = false; }

  // Calls `on_passed` whenever it passes, until end().
  Task<void> enforce(std::function<void()> on_passed) {
    boost::system::error_code ignored;
    while (!ended_) {
      if (std::chrono::steady_clock::now() >= at_) {
        passed_ = true;
        clear();
        on_passed();
        continue;
      }
      timer_.expires_at(at_);
      co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    }
  }
  void end() {
    ended_ = true;
    timer_.cancel();
  }

 private:
  static constexpr auto kNever = std::chrono::steady_clock::time_point::max();

  boost::asio::steady_timer timer_;
  std::chrono::steady_clock::time_point at_ = kNever;
  bool passed_ = false;
  bool ended_ = false;
};

}  // namespace hearth::api
