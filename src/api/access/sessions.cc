#include "api/access/sessions.h"

#include <sodium.h>

#include <algorithm>

#include "api/request_head.h"

namespace hearth::api {

Sessions::Hash Sessions::hash_of(std::string_view session) {
  Hash hash;
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(session.data()),
                     session.size(), nullptr, 0);
  return hash;
}

std::string Sessions::open(std::string key_id, Time now) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<unsigned char, 32> secret;
  randombytes_buf(secret.data(), secret.size());
  std::string session;
  for (const unsigned char byte : secret) {
    session += kDigits[byte >> 4];
    session += kDigits[byte & 15];
  }
  const std::lock_guard lock(mutex_);
  std::erase_if(sessions_, [&](const auto& entry) { return now - entry.second.used > kIdle; });
  if (sessions_.size() >= kMax) {
    sessions_.erase(std::min_element(sessions_.begin(), sessions_.end(), [](const auto& a, const auto& b) {
      return a.second.used < b.second.used;
    }));
  }
  sessions_[hash_of(session)] = Session{std::move(key_id), now};
  return session;
}

std::optional<std::string> Sessions::key_id_of(std::string_view session, Time now) {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(hash_of(session));
  if (found == sessions_.end()) return std::nullopt;
  if (now - found->second.used > kIdle) {
    sessions_.erase(found);
    return std::nullopt;
  }
  found->second.used = now;
  return found->second.key_id;
}

void Sessions::close(std::string_view session) {
  const std::lock_guard lock(mutex_);
  sessions_.erase(hash_of(session));
}

std::string_view Sessions::presented(const HttpRequest& request) {
  const bool page = request.path.starts_with("/page/") || request.path.starts_with("/api/");
  const bool safe = request.method == "GET" || request.method == "HEAD";
  if (!page || !is_own_page(request) || (!safe && request.header("x-hearth-page") != "1")) return {};
  for (const auto& [name, value] : request.headers) {
    if (name != "cookie") continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      std::string_view one = rest.substr(0, rest.find(';'));
      rest.remove_prefix(std::min(rest.size(), one.size() + 1));
      while (one.starts_with(' ')) one.remove_prefix(1);
      if (one.starts_with(kCookie) && one.substr(kCookie.size()).starts_with('=')) {
        return one.substr(kCookie.size() + 1);
      }
    }
  }
  return {};
}

}  // namespace hearth::api
