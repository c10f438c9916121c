// Who asks, and may they: keys, sessions, scopes, and how much one caller may have at a time. The one check
// for all routes and for all ways a key can arrive. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>

#include "api/access/caller_limits.h"
#include "api/access/key_file.h"
#include "api/access/rate_limiter.h"
#include "api/access/sessions.h"
#include "api/error_response.h"
#include "api/router.h"

namespace hearth::api {

class Doorkeeper {
 public:
  // Sessions stand in a file beside the keys, named like it with .sessions behind.
  Doorkeeper(std::filesystem::path key_file, CallerLimits limits,
             std::function<void(const Error&)> on_problem = nullptr);

  // From now on a route with a scope is for holders of a key. Before it a key that is known still names the
  // owner, and any other is ignored, as clients send one because they must.
  void require_keys() { required_ = true; }
  bool keys_required() const { return required_; }
  // A key that could open something now.
  bool has_usable_key();

  // The key of a request that was admitted; nothing where it came without one, or it has gone since.
  std::optional<ApiKey> key_of(const std::string& owner);
  // Whether `owner`, who was admitted with kChat, still would be: for what goes on for long.
  bool still_welcome(const std::string& owner);
  // Browsers may sign in with a key; from then on their session counts as it (Sessions::presented).
  Sessions& sessions() { return sessions_; }

  // A request under way, for as long as it exists.
  class Admission {
   public:
    Admission() = default;
    Admission(Doorkeeper& keeper, std::string caller) : keeper_(&keeper), caller_(std::move(caller)) {}
    Admission(Admission&& other) noexcept
        : keeper_(std::exchange(other.keeper_, nullptr)), caller_(std::move(other.caller_)) {}
    Admission& operator=(Admission&&) = delete;
    ~Admission() {
      if (keeper_ != nullptr) keeper_->leave(caller_);
    }

   private:
    Doorkeeper* keeper_ = nullptr;
    std::string caller_;
  };

  // Sets request.owner and request.owner_name. Otherwise: 401 (no key, a wrong or expired one), 403 (its
  // scopes), 429 with Retry-After (too often, too many at once, too many wrong keys), 400 (two different
  // keys).
  std::variant<Admission, ApiError> admit(HttpRequest& request, Scope scope, std::string_view remote_address);

 private:
  std::optional<ApiError> identify(HttpRequest& request, Scope scope, std::string_view remote_address);
  bool enter(const std::string& caller);
  void leave(const std::string& caller);

  KeyFile file_;
  const CallerLimits limits_;
  Sessions sessions_;
  std::atomic<bool> required_ = false;
  RateLimiter requests_;
  RateLimiter wrong_keys_;
  std::mutex mutex_;
  std::unordered_map<std::string, int> under_way_;
};

}  // namespace hearth::api
