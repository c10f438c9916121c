// HTTP requests to other servers, over libcurl. HTTPS checks certificates, with the system's authorities or
// the file that SSL_CERT_FILE names. Proxies come from the environment (https_proxy, http_proxy, all_proxy,
// no_proxy).
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace hearth::net {

struct HttpReply {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case; of several the last
  std::string body;

  // Empty where there is none.
  std::string_view header(std::string_view name) const;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url{};  // http:// or https://
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};

  // Sends `body_size` bytes of this in place of `body`: fills the span, returns how many; 0 = cannot go on.
  std::function<size_t(std::span<std::byte>)> body_source{};
  uint64_t body_size = 0;

  // Takes the body of a reply with a status of 2xx as it comes, with the status and the headers in `head`;
  // other bodies go to HttpReply::body. False: enough, the request ends with kCancelled.
  std::function<bool(const HttpReply& head, std::span<const std::byte>)> sink{};
  size_t most_body_bytes = size_t{8} << 20;  // of HttpReply::body; more is kCorrupt

  std::chrono::seconds connect_timeout{20};
  std::chrono::seconds stall_timeout{30};  // without a byte
  const std::atomic<bool>* cancelled = nullptr;

  std::string ca_file{};                 // PEM: authorities beside those of the system; empty = none
  bool allow_private_addresses = false;  // connect within this machine and its networks (address_policy.h)
};

// A connection is kept for the next request to the same server. One thread at a time.
class HttpClient {
 public:
  HttpClient();
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;

  // Any status is a reply; redirects are not followed. Errors: kCancelled, by the flag or the sink; kIo for
  // everything that keeps a reply from coming, with the host and the reason; kInvalidArgument for a URL that
  // is none or an address that is not allowed.
  Result<HttpReply> send(const HttpRequest& request);

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

struct Url {
  std::string scheme;     // lower case
  std::string authority;  // host, or host:port
  std::string host;       // without brackets
  // kInvalidArgument unless it is an http or https URL without user name.
  static Result<Url> parse(const std::string& text);
  // Where `location`, which may be relative, leads to from `base`.
  static Result<std::string> resolve(const std::string& base, const std::string& location);
};

// For a part of a URL: all but letters, digits, "-._~" and the characters of `keep` as %XX (RFC 3986).
std::string percent_encoded(std::string_view text, std::string_view keep = {});

}  // namespace hearth::net
