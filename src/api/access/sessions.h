// Browsers that have signed in: a random id, which the browser keeps in a cookie, stands for a key. Kept in
// memory alone, so that a server that starts anew knows none. Thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "api/http_types.h"

namespace hearth::api {

class Sessions {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::string_view kCookie = "hearth_session";
  static constexpr size_t kMax = 10'000;           // the longest unused goes first
  static constexpr std::chrono::hours kIdle{720};  // 30 days without a request end one

  // A new one for the key with this id. Its text is not kept.
  std::string open(std::string key_id, Time now);
  // The id of the key it stands for; it counts as used.
  std::optional<std::string> key_id_of(std::string_view session, Time now);
  void close(std::string_view session);

  // The session that a request's cookie names, where it counts: below /page and /api, sent by a page of this
  // server, and for what changes something with the page's header, which no other page can send. Empty: none.
  static std::string_view presented(const HttpRequest& request);

 private:
  using Hash = std::array<uint8_t, 32>;
  struct Session {
    std::string key_id;
    Time used;
  };
  static Hash hash_of(std::string_view session);

  std::mutex mutex_;
  std::map<Hash, Session> sessions_;
};

}  // namespace hearth::api
