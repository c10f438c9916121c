#include "api/access/api_keys.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <limits>

#include "api/json.h"

namespace hearth::api {
namespace {

constexpr std::string_view kPrefix = "hearth_";
constexpr size_t kIdCharacters = 10;      // 50 bits: ids of one file never meet
constexpr size_t kSecretCharacters = 52;  // 260 bits
constexpr size_t kMaxNameBytes = 64;
constexpr int kFormatVersion = 1;

using Hash = std::array<uint8_t, 32>;

template <typename... Args>
tl::unexpected<Error> corrupt(fmt::format_string<Args...> format, Args&&... args) {
  return fail(ErrorCategory::kCorrupt, format, std::forward<Args>(args)...);
}

// 5 bits a character.
std::string random_text(size_t n_characters) {
  constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";
  std::string text(n_characters, '\0');
  randombytes_buf(text.data(), text.size());
  for (char& c : text) c = kAlphabet[static_cast<unsigned char>(c) & 31];
  return text;
}

Hash hash_of(std::string_view key) {
  Hash hash;
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(key.data()), key.size(),
                     nullptr, 0);
  return hash;
}

std::string hex_of(const Hash& hash) {
  std::string text;
  for (const uint8_t byte : hash) text += fmt::format("{:02x}", byte);
  return text;
}

std::optional<Hash> hash_of_hex(std::string_view hex) {
  Hash hash{};
  size_t n = 0;
  const bool whole =
      sodium_hex2bin(hash.data(), hash.size(), hex.data(), hex.size(), nullptr, &n, nullptr) == 0;
  if (!whole || n != hash.size() || hex.size() != 2 * hash.size()) return std::nullopt;
  return hash;
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

bool is_id(std::string_view id) {
  return id.size() == kIdCharacters && std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7');
         });
}

std::optional<std::string> text_member(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

std::optional<int64_t> time_member(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_unsigned()) return std::nullopt;
  const auto seconds = found->get<uint64_t>();
  if (seconds > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
  return static_cast<int64_t>(seconds);
}

std::optional<std::vector<Scope>> scopes_member(const Json& object) {
  const auto found = object.find("scopes");
  if (found == object.end() || !found->is_array() || found->empty() || found->size() > 2) return std::nullopt;
  std::vector<Scope> scopes;
  for (const Json& item : *found) {
    const auto scope = item.is_string() ? scope_of_word(item.get<std::string>()) : std::nullopt;
    if (!scope) return std::nullopt;
    scopes.push_back(*scope);
  }
  return scopes;
}

Result<ApiKey> parse_key(const Json& object) {
  if (!object.is_object()) return corrupt("must be an object");
  const auto id = text_member(object, "id");
  const auto name = text_member(object, "name");
  const auto hash = text_member(object, "hash");
  const auto scopes = scopes_member(object);
  const auto created = time_member(object, "created");
  if (!id || !is_id(*id)) return corrupt("id is missing or malformed");
  if (!name || !is_name(*name)) return corrupt("name is missing or malformed");
  if (!scopes) return corrupt("scopes must be a list of \"chat\" and \"manage\"");
  if (!created) return corrupt("created must be a time in seconds");
  const auto bytes = hash ? hash_of_hex(*hash) : std::nullopt;
  if (!bytes) return corrupt("hash must be 64 hexadecimal digits");
  ApiKey key;
  key.id = *id;
  key.name = *name;
  key.scopes = *scopes;
  key.created_unix_seconds = *created;
  key.hash = *bytes;
  if (const auto expires = object.find("expires"); expires != object.end() && !expires->is_null()) {
    key.expires_unix_seconds = time_member(object, "expires");
    if (!key.expires_unix_seconds) return corrupt("expires must be a time in seconds");
  }
  return key;
}

}  // namespace

bool ApiKey::allows(Scope scope) const {
  return scope == Scope::kOpen || std::find(scopes.begin(), scopes.end(), scope) != scopes.end();
}

std::optional<Scope> scope_of_word(std::string_view word) {
  if (word == "chat") return Scope::kChat;
  if (word == "manage") return Scope::kManage;
  return std::nullopt;
}

std::string_view word_of(Scope scope) {
  switch (scope) {
    case Scope::kOpen:
      return "open";
    case Scope::kChat:
      return "chat";
    case Scope::kManage:
      return "manage";
  }
  return "open";
}

Result<ApiKeys> ApiKeys::parse(std::string_view text) {
  auto parsed = parse_json(text);
  if (!parsed) return corrupt("{}", parsed.error().message);
  const Json& file = *parsed;
  if (!file.is_object()) return corrupt("must be an object");
  const auto version = file.find("version");
  if (version == file.end() || *version != kFormatVersion) {
    return corrupt("version must be {}; the file may belong to another version of Hearth", kFormatVersion);
  }
  const auto keys = file.find("keys");
  if (keys == file.end() || !keys->is_array()) return corrupt("keys must be a list");
  if (keys->size() > kMaxKeys) return corrupt("more than {} keys", kMaxKeys);
  ApiKeys result;
  for (size_t i = 0; i < keys->size(); ++i) {
    auto key = parse_key((*keys)[i]);
    if (!key) return propagate(std::move(key).error().with_context(fmt::format("keys[{}]", i)));
    result.keys_.push_back(std::move(*key));
  }
  const auto repeats = [&](auto member) {
    std::vector<std::string> values;
    for (const ApiKey& key : result.keys_) values.push_back(key.*member);
    std::sort(values.begin(), values.end());
    return std::adjacent_find(values.begin(), values.end()) != values.end();
  };
  if (repeats(&ApiKey::id)) return corrupt("two keys have one id");
  if (repeats(&ApiKey::name)) return corrupt("two keys have one name");
  return result;
}

std::string ApiKeys::to_text() const {
  Json keys = Json::array();
  for (const ApiKey& key : keys_) {
    Json object = Json::object();
    object["id"] = key.id;
    object["name"] = key.name;
    object["scopes"] = Json::array();
    for (const Scope scope : key.scopes) object["scopes"].push_back(word_of(scope));
    object["created"] = key.created_unix_seconds;
    if (key.expires_unix_seconds) object["expires"] = *key.expires_unix_seconds;
    object["hash"] = hex_of(key.hash);
    keys.push_back(std::move(object));
  }
  return Json{{"version", kFormatVersion}, {"keys", std::move(keys)}}.dump(2) + "\n";
}

Result<std::string> ApiKeys::add(std::string name, std::vector<Scope> scopes, int64_t now_unix_seconds,
                                 std::optional<int64_t> expires_unix_seconds) {
  if (!is_name(name)) {
    return fail(ErrorCategory::kInvalidArgument,
                "the name of a key is 1 to {} letters, digits, dots, dashes and underscores", kMaxNameBytes);
  }
  if (std::any_of(keys_.begin(), keys_.end(), [&](const ApiKey& key) { return key.name == name; })) {
    return fail(ErrorCategory::kInvalidArgument, "there is a key \"{}\" already", name);
  }
  std::sort(scopes.begin(), scopes.end());
  scopes.erase(std::unique(scopes.begin(), scopes.end()), scopes.end());
  if (scopes.empty()) return fail(ErrorCategory::kInvalidArgument, "a key allows chat, manage or both");
  if (keys_.size() >= kMaxKeys)
    return fail(ErrorCategory::kInvalidArgument, "there are {} keys already", kMaxKeys);
  if (sodium_init() < 0) return fail(ErrorCategory::kInternal, "the source of random numbers does not work");
  ApiKey key;
  key.id = random_text(kIdCharacters);
  key.name = std::move(name);
  key.scopes = std::move(scopes);
  key.created_unix_seconds = now_unix_seconds;
  key.expires_unix_seconds = expires_unix_seconds;
  std::string text = fmt::format("{}{}_{}", kPrefix, key.id, random_text(kSecretCharacters));
  key.hash = hash_of(text);
  keys_.push_back(std::move(key));
  return text;
}

Status ApiKeys::remove(std::string_view name) {
  const auto found =
      std::find_if(keys_.begin(), keys_.end(), [&](const ApiKey& key) { return key.name == name; });
  if (found == keys_.end()) {
    std::string names;
    for (const ApiKey& key : keys_) names.append(names.empty() ? "" : ", ").append(key.name);
    return fail(ErrorCategory::kNotFound, "there is no key \"{}\"{}", name,
                names.empty() ? "; there are none" : "; there are " + names);
  }
  keys_.erase(found);
  return {};
}

const ApiKey* ApiKeys::find(std::string_view presented) const {
  constexpr size_t kBytes = kPrefix.size() + kIdCharacters + 1 + kSecretCharacters;
  if (presented.size() != kBytes || !presented.starts_with(kPrefix)) return nullptr;
  const std::string_view id = presented.substr(kPrefix.size(), kIdCharacters);
  const auto found =
      std::find_if(keys_.begin(), keys_.end(), [&](const ApiKey& key) { return key.id == id; });
  // An unknown id costs what a wrong secret costs.
  const Hash nothing{};
  const Hash& stored = found == keys_.end() ? nothing : found->hash;
  const Hash hash = hash_of(presented);
  const bool equal = sodium_memcmp(hash.data(), stored.data(), hash.size()) == 0;
  return equal && found != keys_.end() ? &*found : nullptr;
}

const ApiKey* ApiKeys::with_id(std::string_view id) const {
  const auto found = std::find_if(keys_.begin(), keys_.end(), [&](const ApiKey& key) { return key.id == id; });
  return found == keys_.end() ? nullptr : &*found;
}

}  // namespace hearth::api
