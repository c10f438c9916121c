#include "registry/registry_client.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

namespace hearth::registry {
namespace {

using nlohmann::json;

constexpr int kMaxRedirects = 10;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

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

RegistryClient::RegistryClient(Endpoint endpoint, store::ModelName name, const std::atomic<bool>* cancelled)
    : endpoint_(std::move(endpoint)), name_(std::move(name)), cancelled_(cancelled) {}

std::string RegistryClient::blob_url(std::string_view digest) const {
  return fmt::format("{}/v2/{}/{}/blobs/{}", endpoint_.base, name_.space, name_.model, digest);
}

Status RegistryClient::fetch_token(std::string_view challenge) {
  const auto fields = challenge_fields(challenge.substr(std::min<size_t>(challenge.size(), 7)));
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
  request.allow_private_addresses = endpoint_.allow_private_addresses && realm.authority == own.authority;
  HEARTH_TRY(const net::HttpReply reply, client_.send(request));
  if (reply.status != 200) return propagate(registry_error(reply, "the token for " + name_.text()));
  const json document = json::parse(reply.body, nullptr, false);
  for (const char* key : {"token", "access_token"}) {
    if (document.is_object() && document.contains(key) && document[key].is_string()) {
      const std::string token = document[key].get<std::string>();
      if (std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 127; })) {
        authorization_ = "Bearer " + token;
        return {};
      }
    }
  }
  return fail(ErrorCategory::kCorrupt, "{} gave no token", realm.authority);
}

Result<net::HttpReply> RegistryClient::send(net::HttpRequest request) {
  request.cancelled = cancelled_;
  request.allow_private_addresses = endpoint_.allow_private_addresses;
  const size_t n_headers = request.headers.size();
  if (!authorization_.empty()) request.headers.emplace_back("Authorization", authorization_);
  HEARTH_TRY(net::HttpReply reply, client_.send(request));
  const std::string challenge(reply.header("www-authenticate"));
  if (reply.status != 401 || !challenge.starts_with("Bearer ")) return reply;
  HEARTH_CHECK_OK(fetch_token(challenge));
  request.headers.resize(n_headers);
  request.headers.emplace_back("Authorization", authorization_);
  return client_.send(request);
}

Result<std::string> RegistryClient::manifest() {
  net::HttpRequest request;
  request.url = fmt::format("{}/v2/{}/{}/manifests/{}", endpoint_.base, name_.space, name_.model, name_.tag);
  request.headers = {{"Accept", std::string(store::media_type::kManifest)}};
  request.most_body_bytes = store::Manifest::kMaxBytes;
  HEARTH_TRY(net::HttpReply reply, send(request));
  for (int n = 0; n < kMaxRedirects && is_redirect(reply.status); ++n) {
    HEARTH_TRY(const std::string target,
               net::Url::resolve(request.url, std::string(reply.header("location"))));
    HEARTH_TRY(const net::Url before, net::Url::parse(request.url));
    HEARTH_TRY(const net::Url after, net::Url::parse(target));
    if (before.scheme != after.scheme || before.authority != after.authority) {
      return fail(ErrorCategory::kInvalidArgument,
                  "{} sends its callers for {} to {}; pull from there if you trust it", before.authority,
                  name_.text(), after.authority);
    }
    request.url = target;
    HEARTH_TRY(reply, send(request));
  }
  if (reply.status != 200) return propagate(registry_error(reply, name_.text()));
  return std::move(reply.body);
}

Result<bool> RegistryClient::has_blob(std::string_view digest) {
  net::HttpRequest request;
  request.method = "HEAD";
  request.url = blob_url(digest);
  HEARTH_TRY(const net::HttpReply reply, send(request));
  if (reply.status == 404) return false;
  if (reply.status == 200 || is_redirect(reply.status)) return true;
  return propagate(registry_error(reply, name_.text()));
}

Status RegistryClient::upload_blob(const store::Layer& layer, const std::filesystem::path& file,
                                   const std::function<void(uint64_t)>& report) {
  net::HttpRequest begin;
  begin.method = "POST";
  begin.url = fmt::format("{}/v2/{}/{}/blobs/uploads/", endpoint_.base, name_.space, name_.model);
  HEARTH_TRY(const net::HttpReply begun, send(begin));
  if (begun.status != 202) return propagate(registry_error(begun, name_.text()));
  HEARTH_TRY(std::string target, net::Url::resolve(begin.url, std::string(begun.header("location"))));
  HEARTH_TRY(const net::Url own, net::Url::parse(endpoint_.base));
  HEARTH_TRY(const net::Url place, net::Url::parse(target));
  if (place.authority != own.authority) {
    return fail(ErrorCategory::kInvalidArgument, "{} sends uploads to {}, which is another host",
                own.authority, place.authority);
  }
  target +=
      (target.find('?') == std::string::npos ? "?digest=" : "&digest=") + net::percent_encoded(layer.digest);

  std::ifstream stream(file, std::ios::binary);
  if (!stream) return fail(ErrorCategory::kNotFound, "cannot open {}", file.string());
  uint64_t done = 0;
  net::HttpRequest upload;
  upload.method = "PUT";
  upload.url = target;
  upload.headers = {{"Content-Type", "application/octet-stream"}};
  upload.body_size = layer.size;
  upload.body_source = [&](std::span<std::byte> space) {
    stream.read(reinterpret_cast<char*>(space.data()), static_cast<std::streamsize>(space.size()));
    const auto n = static_cast<size_t>(stream.gcount());
    done += n;
    report(done);
    return n;
  };
  HEARTH_TRY(const net::HttpReply reply, send(upload));
  if (reply.status != 201) return propagate(registry_error(reply, layer.digest));
  return {};
}

Status RegistryClient::put_manifest(std::string_view text) {
  net::HttpRequest request;
  request.method = "PUT";
  request.url = fmt::format("{}/v2/{}/{}/manifests/{}", endpoint_.base, name_.space, name_.model, name_.tag);
  request.headers = {{"Content-Type", std::string(store::media_type::kManifest)}};
  request.body = text;
  HEARTH_TRY(const net::HttpReply reply, send(request));
  if (reply.status != 200 && reply.status != 201) return propagate(registry_error(reply, name_.text()));
  return {};
}

}  // namespace hearth::registry
