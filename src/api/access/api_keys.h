// The keys of a server: who has one, what it allows, and what is stored of it.
//
// A key is 256 random bits from the operating system, so what is stored is one BLAKE2b-256 hash of its text:
// nobody can guess their way back from it, and a slow password hash would only give strangers a way to spend
// this machine's time. The key itself is seen once, when it is made. Hashes are compared in constant time.
//
// A key's text is "hearth_ID_SECRET". The id is not secret: it finds the stored hash, and it is the owner's
// name for caches and limits (HttpRequest::owner), which stays the same when keys are renamed and never comes
// back.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/router.h"
#include "base/result.h"

namespace hearth::api {

struct ApiKey {
  std::string id;
  std::string name;           // unique; 1 … 64 of letters, digits, '.', '_', '-'
  std::vector<Scope> scopes;  // kChat, kManage, or both
  int64_t created_unix_seconds = 0;
  std::optional<int64_t> expires_unix_seconds;
  std::array<uint8_t, 32> hash{};

  bool allows(Scope scope) const;
  bool expired(int64_t now_unix_seconds) const {
    return expires_unix_seconds && *expires_unix_seconds <= now_unix_seconds;
  }
};

class ApiKeys {
 public:
  static constexpr size_t kMaxKeys = 10'000;

  // The text of a key file (JSON). kCorrupt says what is wrong with it; nothing of it is used then.
  static Result<ApiKeys> parse(std::string_view text);
  std::string to_text() const;

  // Makes a key and gives its text, the only time that it is known. kInvalidArgument: a bad name, one that is
  // taken, no scope, too many keys.
  Result<std::string> add(std::string name, std::vector<Scope> scopes, int64_t now_unix_seconds,
                          std::optional<int64_t> expires_unix_seconds = std::nullopt);
  // kNotFound names the keys there are.
  Status remove(std::string_view name);

  // The key whose text `presented` is; null when there is none. An expired key is found like any other.
  const ApiKey* find(std::string_view presented) const;

  const ApiKey* with_id(std::string_view id) const;

  const std::vector<ApiKey>& all() const { return keys_; }
  bool empty() const { return keys_.empty(); }

 private:
  std::vector<ApiKey> keys_;
};

// "chat", "manage"; nothing for another word.
std::optional<Scope> scope_of_word(std::string_view word);
std::string_view word_of(Scope scope);

}  // namespace hearth::api
