// Notices, while a handler runs, that its client has left or that the server ends. For one strand.
//
// The socket is read while the handler waits: the end of the input means that the client is gone, bytes are
// its next request and stay in the buffer.
#pragma once

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <functional>
#include <memory>
#include <utility>

#include "api/client_stream.h"
#include "api/http_types.h"

namespace hearth::api {

class ClientWatch {
 public:
  static constexpr size_t kReadAhead =
      64 * 1024;  // of requests a client sends before the reply to the last one
  static constexpr size_t kOneRead = 4096;

  // Borrows both. `on_gone` is called when the client has left, and answers with interrupt().
  ClientWatch(ClientStream& stream, boost::beast::flat_buffer& buffer, std::function<void()> on_gone)
      : stream_(stream), buffer_(buffer), on_gone_(std::move(on_gone)), ended_(stream.get_executor()) {}

  Interruption interruption() const { return interruption_; }
  // The next request begins.
  void reset() { interruption_ = Interruption::kNone; }

  // Nothing comes after kDisconnected.
  void interrupt(Interruption interruption) {
    if (interruption_ == Interruption::kDisconnected) return;
    interruption_ = interruption;
    if (on_interruption_) on_interruption_();
  }

  // Calls `on_interruption` at every interruption from now on, and at once after an earlier one; null: no
  // more. A read that is under way keeps `owner`, which has all that is borrowed here.
  void begin(std::function<void()> on_interruption, std::shared_ptr<void> owner) {
    on_interruption_ = std::move(on_interruption);
    wanted_ = on_interruption_ != nullptr;
    if (!wanted_) return;
    if (interruption_ != Interruption::kNone) on_interruption_();
    read(std::move(owner));
  }

  // Returns when nothing reads the socket any more.
  Task<void> end() {
    wanted_ = false;
    on_interruption_ = nullptr;
    boost::system::error_code ignored;
    while (reading_) {
      cancel_.emit(boost::asio::cancellation_type::terminal);
      ended_.expires_at(std::chrono::steady_clock::time_point::max());
      co_await ended_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    }
  }

 private:
  void read(std::shared_ptr<void> owner) {
    if (reading_ || !stream_.socket().is_open()) return;
    reading_ = true;
    auto done = boost::asio::bind_cancellation_slot(
        cancel_.slot(),
        [this, owner = std::move(owner)](const boost::system::error_code& error, size_t n = 0) {
          reading_ = false;
          buffer_.commit(n);
          if (error && error != boost::asio::error::operation_aborted) on_gone_();
          if (!error && wanted_) read(owner);
          ended_.cancel();
        });
    if (buffer_.size() < kReadAhead) {
      stream_.async_read_some(buffer_.prepare(kOneRead), std::move(done));
    } else {
      stream_.socket().async_wait(ClientStream::Socket::wait_error, std::move(done));
    }
  }

  ClientStream& stream_;
  boost::beast::flat_buffer& buffer_;
  std::function<void()> on_gone_;
  std::function<void()> on_interruption_;
  Interruption interruption_ = Interruption::kNone;
  boost::asio::cancellation_signal cancel_;
  boost::asio::steady_timer ended_;
  bool reading_ = false;
  bool wanted_ = false;
};

}  // namespace hearth::api
