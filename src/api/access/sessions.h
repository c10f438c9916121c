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
#include "api/worker.h"
#include "base/result.h"
#include "store/file_lock.h"

namespace hearth::api {

class Sessions {
 public:
  using Time = std::chrono::sys_seconds;
  static constexpr std::string_view kCookie = "hearth_session";
  static constexpr size_t kMax = 10'000;                // the longest unused goes first
  static constexpr std::chrono::hours kIdle{720};       // 30 days without a request end one
  static constexpr std::chrono::hours kWriteEvery{24};  // so exactly the file knows when one was used

  // Those of the file, which is written on a thread of its own. It belongs to one server at a time: another
  // one, and every one with an empty path, keeps its sessions until it ends. `on_problem` hears of that, and
  // why the file cannot be read or written; one that could not be written is removed, as a session that was
  // closed must not come back with it.
  explicit Sessions(std::filesystem::path file = {}, std::function<void(const Error&)> on_problem = nullptr);

  static Time now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

  // A new one for the key with this id. Its text is not kept.
  std::string open(std::string key_id, Time now);
  // The id of the key it stands for; it counts as used.
  std::optional<std::string> key_id_of(std::string_view session, Time now);
  void close(std::string_view session, Time now);

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
  void report(const Error& problem) const;
  bool own_file();
  Status read();
  void write_later(Time now);  // with the lock held
  void write();                // on the writer's thread

  const std::filesystem::path file_;
  const std::function<void(const Error&)> on_problem_;
  std::optional<store::FileLock> file_lock_;  // the constructor's and the writer's
  bool file_is_others_ = false;
  std::mutex mutex_;  // of what follows
  std::map<Hash, Session> sessions_;
  Time written_{};
  bool write_planned_ = false;
  std::optional<Worker> writer_;  // the last: it ends its work before what it works with goes
};

}  // namespace hearth::api
