#include "registry/authorization.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace hearth::registry {
namespace {

using nlohmann::json;

constexpr std::string_view kBearer = "Bearer ";

// realm="…",service="…",scope="…"
std::map<std::string, std::string> challenge_fields(std::string_view text) {
  std::map<std::string, std::string> fields;
  while (!text.empty()) {
    const size_t equals = text.find("=\"");
    if (equals == std::string_view::npos) break;
    const size_t end = text.find('"', equals + 2);
    if (end == std::string_view::npos) break;
    std::string_view name = text.substr(0, equals);
    name.remove_prefix(std::min(name.size(), name.find_first_not_of(", ")));
    fields[std::string(name)] = text.substr(equals + 2, end - equals - 2);
    text.remove_prefix(end + 1);
  }
  return fields;
}

// What a registry says of an error, without what a terminal would obey.
std::string message_of(const net::HttpReply& reply) {
  const json document = json::parse(reply.body, nullptr, false);
  std::string message;
  if (document.is_object()) {
    if (document.contains("errors") && document["errors"].is_array() && !document["errors"].empty() &&
        document["errors"][0].is_object()) {
      message = document["errors"][0].value("message", json()).is_string()
                    ? document["errors"][0]["message"].get<std::string>()
                    : "";
    } else if (document.contains("error") && document["error"].is_string()) {
      message = document["error"].get<std::string>();
    }
  }
  message.resize(std::min<size_t>(message.size(), 200));
  std::replace_if(
      message.begin(), message.end(), [](char c) { return c >= 0 && c < ' '; }, ' ');
  return message;
}

}  // namespace

Error registry_error(const net::HttpReply& reply, std::string_view what) {
  const std::string message = message_of(reply);
  const std::string said = message.empty() ? "" : fmt::format(" ({})", message);
  switch (reply.status) {
    case 401:
    case 403:
      return {ErrorCategory::kInvalidArgument,
              fmt::format("{}: access is not allowed{}; it may be private, or not exist", what, said)};
    case 404:
      return {ErrorCategory::kNotFound, fmt::format("{}: there is none{}", what, said)};
    case 429:
      return {ErrorCategory::kOverloaded,
              fmt::format("{}: too many requests{}; try again later", what, said)};
    default:
      return {ErrorCategory::kIo,
              fmt::format("{}: the server answered with status {}{}", what, reply.status, said)};
  }
}

Result<net::HttpReply> send_with_retries(net::HttpClient& client, const net::HttpRequest& request,
                                         const Retries& retries) {
  for (int n = 1;; ++n) {
    Result<net::HttpReply> reply = client.send(request);
    if (!is_passing(reply)) return reply;
    const auto pause = retries.pause_after(n, asked_pause(reply));
    if (!pause) return reply;
    if (!sleep_unless(request.cancelled, *pause)) {
      return fail(ErrorCategory::kCancelled, "the transfer was ended");
    }
  }
}

Authorization::Authorization(Endpoint endpoint, std::string what, Retries retries,
                             const std::atomic<bool>* cancelled)
    : endpoint_(std::move(endpoint)), what_(std::move(what)), retries_(retries), cancelled_(cancelled) {}

std::string Authorization::header() const {
  std::lock_guard lock(mutex_);
  return header_;
}

Result<bool> Authorization::renew(std::string_view refused, std::string_view challenge) {
  if (fixed_ || !challenge.starts_with(kBearer)) return false;
  std::lock_guard one_at_a_time(fetching_);
  if (header() != refused) return true;  // another thread was here
  HEARTH_TRY(std::string token, fetch_token(challenge.substr(kBearer.size())));
  std::lock_guard lock(mutex_);
  header_ = std::string(kBearer) + token;
  return true;
}

Result<std::string> Authorization::fetch_token(std::string_view challenge) {
  const auto fields = challenge_fields(challenge);
  const auto field = [&](const char* name) {
    const auto at = fields.find(name);
    return at == fields.end() ? std::string() : at->second;
  };
  HEARTH_TRY(const net::Url realm, net::Url::parse(field("realm")));
  HEARTH_TRY(const net::Url own, net::Url::parse(endpoint_.base));
  if (realm.scheme != "https" && realm.authority != own.authority) {
    return fail(ErrorCategory::kInvalidArgument, "{} sends its callers for tokens to {}, which has no TLS",
                own.authority, realm.authority);
  }
  net::HttpRequest request;
  request.url = fmt::format("{}{}service={}&scope={}", field("realm"),
                            field("realm").find('?') == std::string::npos ? "?" : "&",
                            net::percent_encoded(field("service")), net::percent_encoded(field("scope")));
  request.cancelled = cancelled_;
  request.ca_file = endpoint_.ca_file;
  request.allow_private_addresses = endpoint_.allow_private_addresses && realm.authority == own.authority;
  HEARTH_TRY(const net::HttpReply reply, send_with_retries(client_, request, retries_));
  if (reply.status != 200) return propagate(registry_error(reply, "the token for " + what_));
  const json document = json::parse(reply.body, nullptr, false);
  for (const char* key : {"token", "access_token"}) {
    if (document.is_object() && document.contains(key) && document[key].is_string()) {
      std::string token = document[key].get<std::string>();
      if (std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 127; })) return token;
    }
  }
  return fail(ErrorCategory::kCorrupt, "{} gave no token", realm.authority);
}

}  // namespace hearth::registry
