// Reads one request from a client, under limits and deadlines: its head, and then its body, if somebody wants
// it.
#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "api/body_budget.h"
#include "api/client_stream.h"
#include "api/connection_deadline.h"
#include "api/error_response.h"
#include "api/http_server.h"

namespace hearth::api {

class RequestReader {
 public:
  // Why there is no more to read; without an error the client is gone, and nothing can be said to it.
  struct Failure {
    std::optional<ApiError> reply;
  };

  // `buffer` has what was read already, and keeps what comes after the request. All outlive the reader.
  RequestReader(ClientStream& stream, boost::beast::flat_buffer& buffer, ConnectionDeadline& deadline,
                const HttpLimits& limits);

  // Fills method and headers. 400, 408, 431.
  Task<std::optional<Failure>> read_head(HttpRequest& request);

  // Fills the body, without its codings, or passes it to the request's sink. 400, 408, 413; 503 when `share`
  // cannot grow; what the sink answers. Nothing is held of a body that fails.
  Task<std::optional<Failure>> read_body(HttpRequest& request, BodyBudget::Share& share);

  // After read_head().
  std::string_view target() const { return parser_.get().target(); }
  bool is_http_1_0() const { return parser_.get().version() < 11; }
  bool keep_alive() const { return parser_.keep_alive(); }
  bool has_unread_body() const { return !parser_.is_done(); }

 private:
  using ErrorCode = boost::system::error_code;

  Task<ErrorCode> read_until_body();
  std::optional<ApiError> explain(const ErrorCode& error, bool in_body);

  ClientStream& stream_;
  boost::beast::flat_buffer& buffer_;
  ConnectionDeadline& deadline_;
  const HttpLimits& limits_;
  uint64_t max_body_bytes_ = 0;
  boost::beast::http::request_parser<boost::beast::http::string_body> parser_;
};

}  // namespace hearth::api
