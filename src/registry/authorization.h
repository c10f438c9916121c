// What requests to a server carry to be let in: nothing, a secret of the user's, or tokens that a registry
// hands out for one model on demand and that run out again
// (https://distribution.github.io/distribution/spec/auth/token/).
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_client.h"
#include "registry/registry_policy.h"
#include "registry/retries.h"

namespace hearth::registry {

// Thread-safe.
class Authorization {
 public:
  // Tokens of that registry, none at first. `what` is what they are for, for errors.
  Authorization(Endpoint endpoint, std::string what, Retries retries, const std::atomic<bool>* cancelled);
  // `header` for ever.
  explicit Authorization(std::string header) : fixed_(true), header_(std::move(header)) {}

  // Value of the header, or empty.
  std::string header() const;

  // After a reply of 401 to a request with `refused`, whose WWW-Authenticate is `challenge`: true where there
  // is another header now, which a request may be made with once more. One token is fetched for all threads.
  Result<bool> renew(std::string_view refused, std::string_view challenge);

 private:
  Result<std::string> fetch_token(std::string_view challenge);

  const bool fixed_ = false;
  Endpoint endpoint_;
  std::string what_;
  Retries retries_;
  const std::atomic<bool>* cancelled_ = nullptr;
  net::HttpClient client_;  // under fetching_
  std::mutex fetching_;
  mutable std::mutex mutex_;
  std::string header_;
};

// Sends a request again and again as `retries` say, while what comes is passing. Its body must be one that
// can be sent again.
Result<net::HttpReply> send_with_retries(net::HttpClient& client, const net::HttpRequest& request,
                                         const Retries& retries);

// An error that says what a registry answered. `what` is what was asked for.
Error registry_error(const net::HttpReply& reply, std::string_view what);

}  // namespace hearth::registry
