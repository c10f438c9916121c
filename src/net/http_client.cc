#include "net/http_client.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "net/address_policy.h"

namespace hearth::net {
namespace {

constexpr size_t kMaxHeaders = 200;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::string_view environment(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') return value;
  }
  return {};
}

// Whether libcurl asks a proxy for the host, whose name it then does not look up.
bool goes_through_proxy(const Url& url) {
  if (is_loopback_host(url.host)) return false;
  const bool tls = url.scheme == "https";
  if (tls && environment({"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}).empty()) return false;
  if (!tls && environment({"http_proxy", "all_proxy", "ALL_PROXY"}).empty()) return false;
  std::string host = url.host;
  std::transform(host.begin(), host.end(), host.begin(), lower);
  std::string_view direct = environment({"no_proxy", "NO_PROXY"});
  while (!direct.empty()) {
    const size_t end = std::min(direct.find_first_of(", "), direct.size());
    std::string entry(direct.substr(0, end));
    direct.remove_prefix(std::min(end + 1, direct.size()));
    std::transform(entry.begin(), entry.end(), entry.begin(), lower);
    if (entry.starts_with('.')) entry.erase(0, 1);
    if (entry.empty()) continue;
    if (entry == "*" || host == entry || host.ends_with("." + entry)) return false;
  }
  return true;
}

tl::unexpected<Error> refused_address(const Url& url) {
  return fail(
      ErrorCategory::kInvalidArgument,
      "{} is an address of this machine or its networks, which are not asked unless the configuration "
      "names the host (registries)",
      url.authority);
}

struct UrlDeleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using CurlUrl = std::unique_ptr<CURLU, UrlDeleter>;

std::string part(const CurlUrl& url, CURLUPart which) {
  char* text = nullptr;
  if (curl_url_get(url.get(), which, &text, 0) != CURLUE_OK || text == nullptr) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

}  // namespace

std::string_view HttpReply::header(std::string_view name) const {
  const auto at = headers.find(std::string(name));
  return at == headers.end() ? std::string_view() : at->second;
}

struct HttpClient::Handle {
  CURL* curl = nullptr;

  // Of the request under way.
  const HttpRequest* request = nullptr;
  HttpReply reply;
  bool check_addresses = false;  // those connected to are the hosts', not a proxy's
  bool refused_address = false;
  bool too_long = false;
  bool sink_ended = false;
  bool source_ended = false;
  uint64_t sent = 0;

  ~Handle() { curl_easy_cleanup(curl); }

  static size_t on_header(char* data, size_t, size_t size, void* self) {
    auto& handle = *static_cast<Handle*>(self);
    const std::string_view line(data, size);
    if (line.starts_with("HTTP/")) {  // of an interim reply, or the final one
      handle.reply.headers.clear();
      return size;
    }
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || handle.reply.headers.size() >= kMaxHeaders) return size;
    std::string name(line.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(), lower);
    handle.reply.headers[name] = trim(line.substr(colon + 1));
    return size;
  }

  static size_t on_body(char* data, size_t, size_t size, void* self) {
    auto& handle = *static_cast<Handle*>(self);
    long status = 0;
    curl_easy_getinfo(handle.curl, CURLINFO_RESPONSE_CODE, &status);
    if (handle.request->sink && status >= 200 && status < 300) {
      handle.reply.status = static_cast<int>(status);
      if (handle.request->sink(handle.reply, std::as_bytes(std::span(data, size)))) return size;
      handle.sink_ended = true;
      return 0;
    }
    if (handle.reply.body.size() + size > handle.request->most_body_bytes) {
      handle.too_long = true;
      return 0;
    }
    handle.reply.body.append(data, size);
    return size;
  }

  static size_t on_send(char* data, size_t, size_t size, void* self) {
    auto& handle = *static_cast<Handle*>(self);
    const uint64_t left = handle.request->body_size - handle.sent;
    if (left == 0) return 0;
    const size_t n = handle.request->body_source(
        std::as_writable_bytes(std::span(data, static_cast<size_t>(std::min<uint64_t>(size, left)))));
    if (n == 0) {
      handle.source_ended = true;
      return CURL_READFUNC_ABORT;
    }
    handle.sent += n;
    return n;
  }

  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    const auto* cancelled = static_cast<Handle*>(self)->request->cancelled;
    return cancelled != nullptr && cancelled->load() ? 1 : 0;
  }

  // Names have been looked up by now, so that none can mean another address later.
  static curl_socket_t on_open(void* self, curlsocktype, curl_sockaddr* address) {
    auto& handle = *static_cast<Handle*>(self);
    if (handle.check_addresses && is_private_address(address->addr)) {
      handle.refused_address = true;
      return CURL_SOCKET_BAD;
    }
    const int socket = ::socket(address->family, address->socktype, address->protocol);
    if (socket >= 0) fcntl(socket, F_SETFD, FD_CLOEXEC);
    return socket;
  }
};

HttpClient::HttpClient() : handle_(std::make_unique<Handle>()) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  handle_->curl = curl_easy_init();
}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;

Result<HttpReply> HttpClient::send(const HttpRequest& request) {
  HEARTH_TRY(const Url url, Url::parse(request.url));
  Handle& handle = *handle_;
  CURL* curl = handle.curl;
  if (curl == nullptr) return fail(ErrorCategory::kInternal, "libcurl cannot start");
  handle.request = &request;
  handle.reply = {};
  handle.refused_address = handle.too_long = handle.sink_ended = handle.source_ended = false;
  handle.sent = 0;
  handle.check_addresses = !request.allow_private_addresses && !goes_through_proxy(url);
  handle.refused_address = !request.allow_private_addresses && is_private_address_text(url.host);
  if (handle.refused_address) return refused_address(url);

  curl_easy_reset(curl);  // keeps connections
  char reason[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "hearth");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(request.connect_timeout.count()));
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.stall_timeout.count()));
  if (const char* file = std::getenv("SSL_CERT_FILE"); file != nullptr && *file != '\0') {
    curl_easy_setopt(curl, CURLOPT_CAINFO, file);
  }
  if (!request.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, request.ca_file.c_str());
  if (is_loopback_host(url.host)) curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, Handle::on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &handle);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, Handle::on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &handle);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, Handle::on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &handle);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, Handle::on_open);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &handle);
  if (request.method == "HEAD") {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  } else if (request.body_source) {
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, Handle::on_send);
    curl_easy_setopt(curl, CURLOPT_READDATA, &handle);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body_size));
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  } else if (request.method != "GET") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  curl_slist* lines = curl_slist_append(nullptr, "Expect:");
  for (const auto& [name, value] : request.headers)
    lines = curl_slist_append(lines, (name + ": " + value).c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines);

  const CURLcode code = curl_easy_perform(curl);
  curl_slist_free_all(lines);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  handle.reply.status = static_cast<int>(status);
  handle.request = nullptr;

  if (handle.refused_address) return refused_address(url);
  if (code == CURLE_ABORTED_BY_CALLBACK || handle.sink_ended || handle.source_ended) {
    return fail(ErrorCategory::kCancelled, "the transfer was ended");
  }
  if (handle.too_long) {
    return fail(ErrorCategory::kCorrupt, "the reply of {} has more than {} bytes", url.authority,
                request.most_body_bytes);
  }
  if (code != CURLE_OK) {
    return fail(ErrorCategory::kIo, "{}: {}", url.authority,
                *reason != '\0' ? reason : curl_easy_strerror(code));
  }
  return std::move(handle.reply);
}

Result<Url> Url::parse(const std::string& text) {
  const auto invalid = [&] {
    return fail(ErrorCategory::kInvalidArgument, "\"{}\" is no http or https URL", text.substr(0, 200));
  };
  const CurlUrl url(curl_url());
  if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_DISALLOW_USER) != CURLUE_OK)
    return invalid();
  Url parsed{part(url, CURLUPART_SCHEME), {}, part(url, CURLUPART_HOST)};
  if (parsed.scheme != "http" && parsed.scheme != "https") return invalid();
  const std::string port = part(url, CURLUPART_PORT);
  parsed.authority = port.empty() ? parsed.host : parsed.host + ":" + port;
  if (parsed.host.size() > 2 && parsed.host.front() == '[')
    parsed.host = parsed.host.substr(1, parsed.host.size() - 2);
  return parsed;
}

Result<std::string> Url::resolve(const std::string& base, const std::string& location) {
  const CurlUrl url(curl_url());
  if (!url || curl_url_set(url.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK ||
      curl_url_set(url.get(), CURLUPART_URL, location.c_str(), CURLU_DISALLOW_USER) != CURLUE_OK) {
    return fail(ErrorCategory::kCorrupt, "\"{}\" leads nowhere", location.substr(0, 200));
  }
  return part(url, CURLUPART_URL);
}

std::string percent_encoded(std::string_view text, std::string_view keep) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos ||
                       keep.find(c) != std::string_view::npos;
    if (plain) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

}  // namespace hearth::net
