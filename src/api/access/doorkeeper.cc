#include "api/access/doorkeeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace hearth::api {
namespace {

constexpr int kRetrySoon = 1;

struct Presented {
  std::string_view key;  // empty = none
  std::optional<ApiError> error;
};

bool is_bearer(std::string_view value) {
  constexpr std::string_view kBearer = "bearer ";
  return value.size() > kBearer.size() &&
         std::equal(kBearer.begin(), kBearer.end(), value.begin(),
                    [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b); });
}

// Authorization: Bearer KEY, or x-api-key: KEY; each once, and the same key if both came.
Presented presented_key(const HttpRequest& request) {
  Presented presented;
  for (const auto& [name, value] : request.headers) {
    std::string_view key;
    if (name == "x-api-key") {
      key = value;
    } else if (name == "authorization" && is_bearer(value)) {
      key = std::string_view(value).substr(7);
      key.remove_prefix(std::min(key.size(), key.find_first_not_of(' ')));
    }
    if (key.empty()) continue;
    if (!presented.key.empty() && presented.key != key) {
      presented.error = http_error(400, "the request carries two different keys");
    }
    presented.key = key;
  }
  return presented;
}

ApiError too_many(std::string message, int retry_after_seconds) {
  ApiError error = http_error(429, std::move(message));
  error.code = "rate_limit_exceeded";
  error.retry_after_seconds = retry_after_seconds;
  return error;
}

ApiError unauthorised(std::string message) {
  ApiError error = http_error(401, std::move(message));
  error.code = "invalid_api_key";
  return error;
}

}  // namespace

Doorkeeper::Doorkeeper(std::filesystem::path key_file, CallerLimits limits,
                       std::function<void(const Error&)> on_problem)
    : file_(key_file, on_problem),
      limits_(limits),
      sessions_(key_file.empty() ? "" : key_file.string() + ".sessions", on_problem),
      requests_(limits.requests_per_minute),
      wrong_keys_(limits.wrong_keys_per_minute) {}

bool Doorkeeper::has_usable_key() {
  const auto keys = file_.keys();
  const int64_t now = std::time(nullptr);
  return std::any_of(keys->all().begin(), keys->all().end(),
                     [&](const ApiKey& key) { return !key.expired(now); });
}

std::optional<ApiKey> Doorkeeper::key_of(const std::string& owner) {
  const auto keys = file_.keys();
  const ApiKey* key = keys->with_id(owner);
  if (key == nullptr || key->expired(std::time(nullptr))) return std::nullopt;
  return *key;
}

bool Doorkeeper::still_welcome(const std::string& owner) {
  if (!required_ && owner.empty()) return true;
  const auto key = key_of(owner);
  return key && (!required_ || key->allows(Scope::kChat));
}

std::optional<ApiError> Doorkeeper::identify(HttpRequest& request, Scope scope,
                                             std::string_view remote_address) {
  const Presented presented = presented_key(request);
  std::string problem;
  std::shared_ptr<const ApiKeys> keys;
  const ApiKey* key = nullptr;
  if (!presented.error && !presented.key.empty()) {
    keys = file_.keys();
    key = keys->find(presented.key);
    if (key == nullptr) problem = "the key is not one of this server's";
  } else if (const std::string_view session = Sessions::presented(request);
             !presented.error && !session.empty()) {
    keys = file_.keys();
    const auto id = sessions_.key_id_of(session, Sessions::now());
    key = id ? keys->with_id(*id) : nullptr;
    if (key == nullptr) problem = "the session has ended: sign in again";
  } else {
    problem = "this server needs a key: send it as \"Authorization: Bearer KEY\" or \"x-api-key: KEY\"";
  }
  if (key != nullptr) {
    if (key->expired(std::time(nullptr))) {
      problem = fmt::format("the key \"{}\" has expired", key->name);
    } else {
      request.owner = key->id;
      request.owner_name = key->name;
      if (required_ && !key->allows(scope)) {
        return http_error(403, fmt::format("the key \"{}\" does not allow this: it needs the scope {}",
                                           key->name, word_of(scope)));
      }
      return std::nullopt;
    }
  }
  if (!required_ || scope == Scope::kOpen) return std::nullopt;
  if (presented.error) return presented.error;
  if (!presented.key.empty()) {
    if (const int wait = wrong_keys_.take(network_of(remote_address), std::chrono::steady_clock::now());
        wait > 0) {
      return too_many("too many wrong keys from this address", wait);
    }
  }
  return unauthorised(std::move(problem));
}

std::variant<Doorkeeper::Admission, ApiError> Doorkeeper::admit(HttpRequest& request, Scope scope,
                                                                std::string_view remote_address) {
  if (auto bad = identify(request, scope, remote_address)) return std::move(*bad);
  if (scope == Scope::kOpen) return Admission();
  const std::string caller = request.owner.empty() ? network_of(remote_address) : request.owner;
  if (const int wait = requests_.take(caller, std::chrono::steady_clock::now()); wait > 0) {
    return too_many(fmt::format("more than {} requests a minute", limits_.requests_per_minute), wait);
  }
  if (!enter(caller)) {
    return too_many(fmt::format("more than {} requests at once", limits_.concurrent_requests), kRetrySoon);
  }
  return Admission(*this, caller);
}

bool Doorkeeper::enter(const std::string& caller) {
  if (limits_.concurrent_requests <= 0) return true;
  std::lock_guard lock(mutex_);
  int& n = under_way_[caller];
  if (n >= limits_.concurrent_requests) return false;
  ++n;
  return true;
}

void Doorkeeper::leave(const std::string& caller) {
  if (limits_.concurrent_requests <= 0) return;
  std::lock_guard lock(mutex_);
  const auto entry = under_way_.find(caller);
  if (entry != under_way_.end() && --entry->second == 0) under_way_.erase(entry);
}

}  // namespace hearth::api
