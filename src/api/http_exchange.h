// The writer of one request's reply: what a handler sends, as HTTP. For one strand.
#pragma once

#include <functional>
#include <string>

#include "api/error_response.h"
#include "api/http_types.h"

namespace hearth::api {

// What an exchange needs of its connection.
class ReplyChannel {
 public:
  virtual Task<bool> write_bytes(std::string bytes) = 0;  // false: the client is gone
  virtual bool closed() const = 0;
  virtual bool ending() const = 0;  // it takes no further request
  virtual HttpResponse error_reply_to(const HttpRequest& request, const ApiError& error) const = 0;
  virtual void watch(std::function<void()> on_interruption) = 0;
  virtual Interruption interruption() const = 0;
  virtual boost::asio::any_io_executor executor() = 0;

 protected:
  ~ReplyChannel() = default;
};

class HttpExchange : public ResponseWriter {
 public:
  // Borrows both.
  HttpExchange(ReplyChannel& channel, const HttpRequest& request, bool http_1_0, bool keep_alive)
      : channel_(channel), request_(request), http_1_0_(http_1_0), keep_alive_(keep_alive) {}

  Task<void> send(HttpResponse response) override;
  Task<void> begin_stream(HttpResponse head) override;
  Task<bool> write(std::string chunk) override;
  Task<void> finish() override;
  bool started() const override { return status_ != 0; }
  Task<void> fail(ApiError error) override;

  void watch(std::function<void()> on_interruption) override { channel_.watch(std::move(on_interruption)); }
  Interruption interruption() const override { return channel_.interruption(); }
  boost::asio::any_io_executor executor() override { return channel_.executor(); }
  RequestNotes& notes() override { return notes_; }

  bool complete() const { return complete_; }
  bool keep_alive() const { return keep_alive_; }
  int status() const { return status_; }

 private:
  ReplyChannel& channel_;
  const HttpRequest& request_;
  RequestNotes notes_;
  std::string pending_head_;
  bool http_1_0_;
  bool keep_alive_;
  bool complete_ = false;
  int status_ = 0;
};

}  // namespace hearth::api
