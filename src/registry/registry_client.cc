#include "registry/registry_client.h"

#include <fstream>
#include <optional>

namespace hearth::registry {
namespace {

constexpr int kMaxRedirects = 10;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

RegistryClient::RegistryClient(Endpoint endpoint, store::ModelName name,
                               std::shared_ptr<Authorization> authorization, Retries retries,
                               const std::atomic<bool>* cancelled)
    : endpoint_(std::move(endpoint)),
      name_(std::move(name)),
      authorization_(std::move(authorization)),
      retries_(retries),
      cancelled_(cancelled) {}

std::string RegistryClient::blob_url(std::string_view digest) const {
  return fmt::format("{}/v2/{}/{}/blobs/{}", endpoint_.base, name_.space, name_.model, digest);
}

Result<net::HttpReply> RegistryClient::send(net::HttpRequest request) {
  request.cancelled = cancelled_;
  request.ca_file = endpoint_.ca_file;
  request.allow_private_addresses = endpoint_.allow_private_addresses;
  const size_t n_headers = request.headers.size();
  for (bool may_renew : {true, false}) {
    const std::string header = authorization_->header();
    request.headers.resize(n_headers);
    if (!header.empty()) request.headers.emplace_back("Authorization", header);
    HEARTH_TRY(net::HttpReply reply, send_with_retries(client_, request, retries_));
    if (reply.status != 401 || !may_renew) return reply;
    HEARTH_TRY(const bool renewed, authorization_->renew(header, reply.header("www-authenticate")));
    if (!renewed) return reply;
  }
  return fail(ErrorCategory::kInternal, "no reply");
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

// Where the bytes of a new blob go.
Result<std::string> RegistryClient::begin_upload() {
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
  return target;
}

// An upload that is cut off begins anew, as not every registry can go on with one.
Status RegistryClient::upload_blob(const store::Layer& layer, const std::filesystem::path& file,
                                   const std::function<void(uint64_t)>& report) {
  for (int n = 1;; ++n) {
    HEARTH_TRY(std::string target, begin_upload());
    target += (target.find('?') == std::string::npos ? "?digest=" : "&digest=") +
              net::percent_encoded(layer.digest);
    std::ifstream stream(file, std::ios::binary);
    if (!stream) return fail(ErrorCategory::kNotFound, "cannot open {}", file.string());
    uint64_t done = 0;
    net::HttpRequest upload;
    upload.method = "PUT";
    upload.url = target;
    upload.cancelled = cancelled_;
    upload.ca_file = endpoint_.ca_file;
    upload.allow_private_addresses = endpoint_.allow_private_addresses;
    upload.headers = {{"Content-Type", "application/octet-stream"}};
    const std::string header = authorization_->header();
    if (!header.empty()) upload.headers.emplace_back("Authorization", header);
    upload.body_size = layer.size;
    upload.body_source = [&](std::span<std::byte> space) {
      stream.read(reinterpret_cast<char*>(space.data()), static_cast<std::streamsize>(space.size()));
      const auto n_read = static_cast<size_t>(stream.gcount());
      done += n_read;
      report(done);
      return n_read;
    };
    const Result<net::HttpReply> reply = client_.send(upload);
    if (reply && reply->status == 201) return {};
    std::optional<std::chrono::milliseconds> pause;
    if (is_passing(reply)) {
      pause = retries_.pause_after(n, asked_pause(reply));
    } else if (reply && reply->status == 401) {  // a token that ran out on the way
      HEARTH_TRY(const bool renewed, authorization_->renew(header, reply->header("www-authenticate")));
      if (renewed && n < retries_.n_attempts) pause = std::chrono::milliseconds(0);
    }
    if (!pause) return propagate(reply ? registry_error(*reply, layer.digest) : Error(reply.error()));
    if (!sleep_unless(cancelled_, *pause)) return fail(ErrorCategory::kCancelled, "the transfer was ended");
  }
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
