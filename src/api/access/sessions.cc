#include "api/access/sessions.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <sstream>

#include "api/access/private_file.h"
#include "api/request_head.h"
#include "base/atomic_file.h"

namespace hearth::api {
namespace {

std::string to_hex(const unsigned char* bytes, size_t n) {
  std::string hex(2 * n + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), bytes, n);
  hex.pop_back();
  return hex;
}

}  // namespace

Sessions::Sessions(std::filesystem::path file, std::function<void(const Error&)> on_problem)
    : file_(std::move(file)), on_problem_(std::move(on_problem)) {
  if (file_.empty()) return;
  writer_.emplace();
  std::error_code error;
  if (!std::filesystem::exists(file_, error) && !error) return;
  if (const Status done = own_file() ? read() : Status(); !done) report(done.error());
}

void Sessions::report(const Error& problem) const {
  if (on_problem_) on_problem_(problem);
}

bool Sessions::own_file() {
  if (file_lock_ || file_is_others_) return file_lock_.has_value();
  std::error_code ignored;
  std::filesystem::create_directories(file_.parent_path(), ignored);
  auto lock = store::FileLock::attempt(file_.string() + ".lock", store::FileLock::Kind::kExclusive);
  if (lock) {
    file_lock_ = std::move(*lock);
  } else {
    report(lock.error());
  }
  file_is_others_ = !file_lock_;
  if (lock && file_is_others_) {
    report({ErrorCategory::kIo,
            fmt::format("{}: another server has it; who signs in here signs in again after a restart",
                        file_.string())});
  }
  return !file_is_others_;
}

// A line for each: hash of the id, id of the key, last use in seconds since 1970.
Status Sessions::read() {
  HEARTH_TRY(const std::optional<std::string> text, read_private_file(file_));
  std::istringstream lines(text.value_or(""));
  bool damaged = false;
  const Time latest = now() + std::chrono::years(10);
  for (std::string line; sessions_.size() < kMax && std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string hex, key_id;
    int64_t seconds = 0;
    Hash hash;
    size_t n = 0;
    if (!(fields >> hex >> key_id >> seconds) || seconds < 0 || seconds > latest.time_since_epoch().count() ||
        sodium_hex2bin(hash.data(), hash.size(), hex.data(), hex.size(), nullptr, &n, nullptr) != 0 ||
        n != hash.size()) {
      damaged = true;
      continue;
    }
    sessions_[hash] = Session{std::move(key_id), Time(std::chrono::seconds(seconds))};
  }
  if (!damaged) return {};
  return fail(ErrorCategory::kCorrupt,
              "{}: not all of it is a list of sessions; who is missing signs in again", file_.string());
}

void Sessions::write_later(Time now) {
  if (!writer_) return;
  written_ = now;
  if (!std::exchange(write_planned_, true)) writer_->post([this] { write(); });
}

void Sessions::write() {
  std::string text;
  {
    const std::lock_guard lock(mutex_);
    write_planned_ = false;
    for (const auto& [hash, session] : sessions_) {
      text += fmt::format("{} {} {}\n", to_hex(hash.data(), hash.size()), session.key_id,
                          session.used.time_since_epoch().count());
    }
  }
  if (!own_file()) return;
  if (const Status written = write_file_atomically(file_, text); !written) {
    std::error_code ignored;
    std::filesystem::remove(file_, ignored);
    report(written.error());
  }
}

Sessions::Hash Sessions::hash_of(std::string_view session) {
  Hash hash;
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(session.data()),
                     session.size(), nullptr, 0);
  return hash;
}

std::string Sessions::open(std::string key_id, Time now) {
  std::array<unsigned char, 32> secret;
  randombytes_buf(secret.data(), secret.size());
  std::string session = to_hex(secret.data(), secret.size());
  const std::lock_guard lock(mutex_);
  std::erase_if(sessions_, [&](const auto& entry) { return now - entry.second.used > kIdle; });
  if (sessions_.size() >= kMax) {
    sessions_.erase(std::min_element(sessions_.begin(), sessions_.end(), [](const auto& a, const auto& b) {
      return a.second.used < b.second.used;
    }));
  }
  sessions_[hash_of(session)] = Session{std::move(key_id), now};
  write_later(now);
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
  found->second.used = std::max(found->second.used, now);  // the clock may have been set back
  if (now - written_ > kWriteEvery) write_later(now);
  return found->second.key_id;
}

void Sessions::close(std::string_view session, Time now) {
  const std::lock_guard lock(mutex_);
  if (sessions_.erase(hash_of(session)) > 0) write_later(now);
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
