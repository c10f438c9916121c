#include "api/access/sessions.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <fstream>
#include <sstream>

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
  if (const Status done = file_.empty() ? Status() : read(); !done && on_problem_) on_problem_(done.error());
}

// A line for each: hash of the id, id of the key, last use in seconds since 1970.
Status Sessions::read() {
  std::error_code missing;
  if (!std::filesystem::exists(file_, missing)) return {};
  std::ifstream in(file_);
  bool damaged = !in;
  for (std::string line; sessions_.size() < kMax && std::getline(in, line);) {
    std::istringstream fields(line);
    std::string hex, key_id;
    int64_t used = 0;
    Hash hash;
    size_t n = 0;
    if (!(fields >> hex >> key_id >> used) ||
        sodium_hex2bin(hash.data(), hash.size(), hex.data(), hex.size(), nullptr, &n, nullptr) != 0 ||
        n != hash.size()) {
      damaged = true;
      continue;
    }
    const Time at{std::chrono::seconds(used)};
    sessions_[hash] = Session{std::move(key_id), at, at};
  }
  if (!damaged) return {};
  return fail(ErrorCategory::kCorrupt,
              "{}: not all of it is a list of sessions; who is missing signs in again", file_.string());
}

void Sessions::write() {
  if (file_.empty()) return;
  std::string text;
  for (auto& [hash, session] : sessions_) {
    session.used_in_file = session.used;
    text += fmt::format("{} {} {}\n", to_hex(hash.data(), hash.size()), session.key_id,
                        session.used.time_since_epoch().count());
  }
  if (const Status written = write_file_atomically(file_, text); !written && on_problem_) {
    on_problem_(written.error());
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
  write();
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
  if (now - found->second.used_in_file > kKnownUse) write();
  return found->second.key_id;
}

void Sessions::close(std::string_view session) {
  const std::lock_guard lock(mutex_);
  if (sessions_.erase(hash_of(session)) > 0) write();
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
