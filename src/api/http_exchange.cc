#include "api/http_exchange.h"

#include <utility>

#include "api/http_reply.h"

namespace hearth::api {

Task<void> HttpExchange::send(HttpResponse response) {
  if (started()) co_return;
  status_ = response.status;
  keep_alive_ = keep_alive_ && !channel_.ending();
  ReplyFraming framing;
  framing.http_1_0 = http_1_0_;
  framing.keep_alive = keep_alive_;
  if (response.status != 204 && response.status != 304) framing.content_length = response.body.size();
  std::string reply = reply_head(response, framing, &request_);
  if (request_.method != "HEAD") reply += response.body;
  complete_ = co_await channel_.write_bytes(std::move(reply));
}

Task<void> HttpExchange::fail(ApiError error) {
  co_await send(channel_.error_reply_to(request_, error));
}

Task<void> HttpExchange::begin_stream(HttpResponse head) {
  if (started()) co_return;
  status_ = head.status;
  if (http_1_0_ || channel_.ending()) keep_alive_ = false;
  ReplyFraming framing;
  framing.http_1_0 = http_1_0_;
  framing.keep_alive = keep_alive_;
  framing.chunked = !http_1_0_;
  pending_head_ = reply_head(head, framing, &request_);  // goes out with the first chunk
  co_return;
}

Task<bool> HttpExchange::write(std::string chunk) {
  if (request_.method == "HEAD") chunk.clear();
  if (!chunk.empty() && !http_1_0_) chunk.insert(0, chunk_prefix(chunk.size())).append("\r\n");
  chunk.insert(0, std::exchange(pending_head_, {}));
  if (chunk.empty()) co_return !channel_.closed();
  co_return co_await channel_.write_bytes(std::move(chunk));
}

Task<void> HttpExchange::finish() {
  std::string last = std::exchange(pending_head_, {});
  if (!http_1_0_ && request_.method != "HEAD") last += "0\r\n\r\n";
  complete_ = !channel_.closed();
  if (!last.empty()) complete_ = co_await channel_.write_bytes(std::move(last));
}

}  // namespace hearth::api
