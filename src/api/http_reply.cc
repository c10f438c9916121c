#include "api/http_reply.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

#include "api/http_status.h"

namespace hearth::api {
namespace {

constexpr std::string_view kCorsHeaders =
    "authorization, content-type, accept, user-agent, openai-beta, anthropic-version, anthropic-beta, "
    "x-api-key, "
    "x-requested-with, x-stainless-arch, x-stainless-async, x-stainless-lang, x-stainless-os, "
    "x-stainless-package-version, x-stainless-retry-count, x-stainless-runtime, x-stainless-runtime-version, "
    "x-stainless-timeout, x-stainless-helper-method, x-stainless-poll-helper";

void add(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::string reply_head(const HttpResponse& response, const ReplyFraming& framing,
                       const HttpRequest* request) {
  std::string head = fmt::format("HTTP/1.{} {} {}\r\n", framing.http_1_0 ? 0 : 1, response.status,
                                 status_words(response.status).reason);
  add(head, "Date", fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(std::time(nullptr))));
  add(head, "X-Content-Type-Options", "nosniff");
  if (!response.content_type.empty()) add(head, "Content-Type", response.content_type);
  for (const auto& [name, value] : response.headers) add(head, name, value);
  if (request != nullptr) {
    add(head, "X-Request-Id", request->id);
    add(head, "Request-Id", request->id);  // the name that Anthropic's clients read
    if (const std::string_view origin = request->header("origin"); !origin.empty()) {
      add(head, "Access-Control-Allow-Origin", origin);
      add(head, "Vary", "Origin");
      if (request->method == "OPTIONS") {
        add(head, "Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE, OPTIONS");
        add(head, "Access-Control-Allow-Headers", kCorsHeaders);
        add(head, "Access-Control-Max-Age", "600");
      } else {
        add(head, "Access-Control-Expose-Headers",
            "X-Request-Id, Request-Id, Retry-After, X-Context-Truncated");
      }
    }
  }
  if (framing.chunked) add(head, "Transfer-Encoding", "chunked");
  if (framing.content_length) add(head, "Content-Length", std::to_string(*framing.content_length));
  if (!framing.keep_alive) {
    add(head, "Connection", "close");
  } else if (framing.http_1_0) {
    add(head, "Connection", "keep-alive");
  }
  return head.append("\r\n");
}

std::string chunk_prefix(size_t n_bytes) {
  return fmt::format("{:x}\r\n", n_bytes);
}

}  // namespace hearth::api
