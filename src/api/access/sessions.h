// Browsers that have signed in: a random id, which the browser keeps in a cookie, stands for a key. A file
// has the hashes of these ids, so that a server that starts anew still knows them. Thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "api/http_types.h"
#include "base/result.h"

namespace hearth::api {

class Sessions {
 public:
  using Time = std::chrono::sys_seconds;
  static constexpr std::string_view kCookie = "hearth_session";
  static constexpr size_t kMax = 10'000;           // the longest unused goes first
  static constexpr std::chrono::hours kIdle{720};  // 30 days without a request end one

  static constexpr std::chrono::hours kKnownUse{24};  // the file has each one's last use within this

  // Those of the file; a line of it that is none counts as absent. An empty path: of memory alone.
  // `on_problem` hears why the file cannot be read or written; the sessions count all the same until the
  // server ends.
  explicit Sessions(std::filesystem::path file = {}, std::function<void(const Error&)> on_problem = nullptr);

  static Time now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

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
    Time used_in_file{};
  };
  static Hash hash_of(std::string_view session);
  Status read();
  void write();  // with the lock held

  const std::filesystem::path file_;
  const std::function<void(const Error&)> on_problem_;
  std::mutex mutex_;
  std::map<Hash, Session> sessions_;
};

}  // namespace hearth::api
