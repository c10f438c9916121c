#include "api/request_reader.h"

#include <fmt/format.h>

#include <boost/beast/http/read.hpp>

#include "api/body_sink.h"
#include "api/content_decoder.h"
#include "api/request_head.h"

namespace hearth::api {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr size_t kReadBytes = 4096;

}  // namespace

RequestReader::RequestReader(ClientStream& stream, boost::beast::flat_buffer& buffer,
                             ConnectionDeadline& deadline, const HttpLimits& limits)
    : stream_(stream), buffer_(buffer), deadline_(deadline), limits_(limits) {
  parser_.header_limit(static_cast<uint32_t>(limits.max_header_bytes));
  parser_.body_limit(boost::none);  // until the path is known, whose dialect writes the error
}

Task<std::optional<RequestReader::Failure>> RequestReader::read_head(HttpRequest& request) {
  deadline_.set(limits_.header_timeout);
  const error_code error = co_await read_until_body();
  if (error || deadline_.passed()) co_return Failure{explain(error, false)};
  const auto& message = parser_.get();
  request.method = std::string(message.method_string());
  for (const auto& field : message) {
    std::string name(field.name_string());
    for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    request.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  co_return std::nullopt;
}

// A field that goes on in the next line (RFC 9112, 5.2) is refused: readers differ in what they take it for.
Task<error_code> RequestReader::read_until_body() {
  for (;;) {
    const std::string_view bytes(static_cast<const char*>(buffer_.data().data()), buffer_.size());
    const std::string_view head = bytes.substr(0, bytes.find("\r\n\r\n"));
    if (head.find("\n ") != head.npos || head.find("\n\t") != head.npos) co_return http::error::bad_field;
    error_code error;
    buffer_.consume(parser_.put(buffer_.data(), error));
    if (error != http::error::need_more) co_return error;
    const size_t n = co_await stream_.async_read_some(buffer_.prepare(kReadBytes),
                                                      asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return error;
    buffer_.commit(n);
  }
}

Task<std::optional<RequestReader::Failure>> RequestReader::read_body(HttpRequest& request,
                                                                     BodyBudget::Share& share) {
  const std::unique_ptr<ContentDecoder> decoder =
      has_unread_body() ? ContentDecoder::create(content_coding(request)) : nullptr;
  // A sink counts for itself what it gets; of an inflated piece there is never more than a body may have.
  const size_t max_bytes = limits_.max_body_bytes;
  max_body_bytes_ = request.sink ? limits_.max_upload_bytes : max_bytes;
  parser_.body_limit(max_body_bytes_);
  std::string& received = parser_.get().body();
  uint64_t n_received = 0;
  const auto began = steady_clock::now();
  std::optional<Failure> failure;
  while (!failure && has_unread_body()) {
    const milliseconds earned(n_received * 1000 / limits_.min_body_bytes_per_second);
    deadline_.set(std::chrono::duration_cast<milliseconds>(began - steady_clock::now()) + limits_.body_grace +
                  earned);
    error_code error;
    co_await http::async_read_some(stream_, buffer_, parser_,
                                   asio::redirect_error(asio::use_awaitable, error));
    if (error || deadline_.passed()) {
      failure = Failure{explain(error, true)};
      break;
    }
    n_received += received.size();
    std::optional<ApiError> bad;
    if (decoder) {
      bad = decoder->write(received, request.body, max_bytes);
    } else {
      request.body += received;
    }
    received.clear();
    if (!bad && !share.grow_to(request.body.size())) bad = overloaded("too many large requests at once");
    if (!bad && decoder && !has_unread_body()) bad = decoder->finish();
    if (!bad && request.sink && !request.body.empty()) {
      deadline_.clear();  // the disk's time is not the client's
      bad = co_await request.sink->write(std::exchange(request.body, {}));
    }
    if (bad) failure = Failure{std::move(bad)};
  }
  deadline_.clear();
  if (failure) {
    request.body = std::string();
    request.sink.reset();
    share.release();
  }
  co_return failure;
}

std::optional<ApiError> RequestReader::explain(const error_code& error, bool in_body) {
  if (deadline_.passed()) {
    deadline_.forgive();  // the reply has its own
    return http_error(408,
                      in_body ? "the request's body took too long" : "the request's headers took too long");
  }
  if (error == http::error::buffer_overflow && in_body) {
    return http_error(400, "a line between the body's chunks is too long");
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return http_error(
        431, fmt::format("the request's headers are longer than {} bytes", limits_.max_header_bytes));
  }
  if (error == http::error::body_limit) return body_too_long(max_body_bytes_);
  const bool ended = error == http::error::end_of_stream || error == http::error::partial_message;
  if (ended || error.category() != make_error_code(http::error::bad_method).category()) return std::nullopt;
  return http_error(400, fmt::format("not an HTTP/1.1 request: {}", error.message()));
}

}  // namespace hearth::api
