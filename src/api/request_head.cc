#include "api/request_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "api/content_decoder.h"

namespace hearth::api {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Decoded once; no decoded path has a NUL.
std::optional<std::string> percent_decoded(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '\0') return std::nullopt;
    if (s[i] != '%') {
      out += s[i];
      continue;
    }
    const int high = i + 2 < s.size() ? hex_digit(s[i + 1]) : -1;
    const int low = i + 2 < s.size() ? hex_digit(s[i + 2]) : -1;
    if (high < 0 || low < 0 || high * 16 + low == 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::string lower(std::string_view s) {
  std::string out(s);
  for (char& c : out) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return out;
}

auto count(const HttpRequest& request, std::string_view name) {
  return std::count_if(request.headers.begin(), request.headers.end(),
                       [&](const auto& header) { return header.first == name; });
}

// One rule for the body's length: a single Content-Length, or chunked and nothing else.
std::optional<ApiError> check_framing(const HttpRequest& request, bool http_1_0) {
  const auto n_lengths = count(request, "content-length");
  const auto n_codings = count(request, "transfer-encoding");
  if (n_lengths > 1 || n_codings > 1 || (n_lengths > 0 && n_codings > 0) || (n_codings > 0 && http_1_0)) {
    return http_error(400,
                      "the length of the body is ambiguous: one Content-Length or one Transfer-Encoding");
  }
  const std::string_view length = request.header("content-length");
  if (!std::all_of(length.begin(), length.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return http_error(400, "Content-Length must be one whole number");
  }
  if (n_codings > 0 && lower(request.header("transfer-encoding")) != "chunked") {
    return http_error(400, "the only Transfer-Encoding this server reads is chunked");
  }
  return std::nullopt;
}

std::optional<ApiError> check_hosts(const HttpRequest& request, bool http_1_0, const HostPolicy& policy,
                                    std::string_view local_address) {
  const auto n_hosts = count(request, "host");
  if (n_hosts > 1 || (n_hosts == 0 && !http_1_0))
    return http_error(400, "a request has exactly one Host header");
  const std::string_view host = request.header("host");
  if (n_hosts == 1 && !policy.host_allowed(host, local_address)) {
    return http_error(
        403, fmt::format("the host \"{}\" is not one of this server's names; add it to the allowed hosts",
                         printable(host)));
  }
  if (count(request, "origin") > 1) return http_error(400, "a request has at most one Origin header");
  const std::string_view origin = request.header("origin");
  if (!policy.origin_allowed(origin, host, request.secure)) {
    return http_error(403,
                      fmt::format("pages of \"{}\" may not use this server; add it to the allowed origins",
                                  printable(origin)));
  }
  return std::nullopt;
}

// JSON, or what tools send that do not say (curl -d). A page's text/plain and multipart forms are refused.
std::optional<ApiError> check_coding(const HttpRequest& request) {
  const std::string coding = content_coding(request);
  const bool one = count(request, "content-encoding") <= 1;
  if (one && (coding.empty() || ContentDecoder::create(coding) != nullptr)) return std::nullopt;
  return http_error(415, fmt::format("Content-Encoding is \"{}\", must be gzip or zstd", printable(coding)));
}

}  // namespace

std::optional<ApiError> check_head(HttpRequest& request, std::string_view target, bool http_1_0,
                                   const HttpLimits& limits, const HostPolicy& policy,
                                   std::string_view local_address) {
  if (target.size() > limits.max_target_bytes) {
    return http_error(414,
                      fmt::format("the request's address is longer than {} bytes", limits.max_target_bytes));
  }
  // The absolute form names the host again, and then that one counts too.
  for (std::string_view scheme : {"http://", "https://"}) {
    if (!lower(target.substr(0, scheme.size())).starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    const size_t slash = std::min(target.find('/'), target.size());
    if (!policy.host_allowed(target.substr(0, slash), local_address)) {
      return http_error(403, "the address names a host that is not this server");
    }
    target.remove_prefix(slash);
    if (target.empty()) target = "/";
    break;
  }
  const size_t question = std::min(target.find('?'), target.size());
  request.query = question < target.size() ? std::string(target.substr(question + 1)) : std::string();
  request.query.resize(std::min(request.query.size(), request.query.find('#')));
  if (request.method == "OPTIONS" && target == "*") target = "/";
  std::optional<std::string> path = percent_decoded(target.substr(0, std::min(question, target.find('#'))));
  if (!path || !path->starts_with('/')) return http_error(400, "the request's address is not a valid path");
  request.path = std::move(*path);  // from here on errors have the format of its dialect
  if (auto bad = check_hosts(request, http_1_0, policy, local_address)) return bad;
  if (request.headers.size() > limits.max_header_fields) {
    return http_error(431, fmt::format("more than {} header fields", limits.max_header_fields));
  }
  if (auto bad = check_framing(request, http_1_0)) return bad;
  return check_coding(request);
}

std::optional<ApiError> check_page(const HttpRequest& request, Scope scope, const HostPolicy& policy) {
  const std::string_view origin = request.header("origin");
  if (scope != Scope::kManage || origin.empty() ||
      policy.is_own_origin(origin, request.header("host"), request.secure)) {
    return std::nullopt;
  }
  return http_error(403, "models are managed from this server's own pages, or without a browser");
}

bool is_own_page(const HttpRequest& request) {
  const std::string_view origin = request.header("origin");
  if (!origin.empty() && !HostPolicy::is_own_origin(origin, request.header("host"), request.secure)) {
    return false;
  }
  // Browsers say it also where they send no Origin; "none" is an address that a person typed.
  const std::string_view site = request.header("sec-fetch-site");
  return site.empty() || site == "same-origin" || site == "none";
}

std::optional<ApiError> check_media_type(const HttpRequest& request) {
  if (request.method != "POST" && request.method != "PUT" && request.method != "PATCH") return std::nullopt;
  std::string type = lower(request.header("content-type"));
  type.resize(std::min(type.size(), type.find(';')));
  while (type.ends_with(' ')) type.pop_back();
  const bool json = type.empty() || type == "application/json" || type.ends_with("+json") ||
                    type == "application/x-www-form-urlencoded";
  if (!json) {
    return http_error(415, fmt::format("Content-Type is \"{}\", must be application/json", printable(type)));
  }
  return std::nullopt;
}

std::string content_coding(const HttpRequest& request) {
  std::string coding = lower(request.header("content-encoding"));
  return coding == "identity" ? std::string() : coding;
}

uint64_t declared_length(const HttpRequest& request) {
  // The parser has refused numbers that do not fit 64 bits.
  const std::string_view length = request.header("content-length");
  uint64_t n_bytes = 0;
  std::from_chars(length.data(), length.data() + length.size(), n_bytes);
  return n_bytes;
}

ApiError body_too_long(uint64_t max_bytes) {
  return http_error(413, fmt::format("the request's body is longer than {} bytes", max_bytes));
}

std::string printable(std::string_view s) {
  constexpr size_t kMost = 256;
  std::string out;
  for (char c : s.substr(0, kMost)) {
    if (c >= ' ' && c < '\x7f' && c != '\\') {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  if (s.size() > kMost) out += "...";
  return out;
}

}  // namespace hearth::api
