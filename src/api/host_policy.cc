#include "api/host_policy.h"

#include <algorithm>

namespace hearth::api {
namespace {

std::string lower(std::string_view s) {
  std::string out(s);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool contains(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

bool is_port(std::string_view s) {
  return !s.empty() && s.size() <= 5 &&
         std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

// '*' in `pattern` stands for any text, also for none. Linear but for the text that a star tries again.
bool matches(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;
  size_t after_star = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      after_star = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++after_star;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

}  // namespace

std::string host_name_of(std::string_view host) {
  std::string name = lower(host);
  if (name.starts_with('[')) {
    const size_t end = name.find(']');
    if (end == std::string::npos) return {};
    const std::string_view rest = std::string_view(name).substr(end + 1);
    if (!rest.empty() && !(rest.front() == ':' && is_port(rest.substr(1)))) return {};
    return name.substr(1, end - 1);
  }
  if (const size_t colon = name.find(':'); colon != std::string::npos) {
    if (!is_port(std::string_view(name).substr(colon + 1))) return {};
    name.resize(colon);
  }
  return std::all_of(name.begin(), name.end(), is_host_character) ? name : std::string();
}

HostPolicy::HostPolicy(std::vector<std::string> names, std::vector<std::string> origins)
    : names_{"localhost", "127.0.0.1", "::1", "host.docker.internal"} {
  for (const std::string& name : names) {
    const bool bare_ipv6 = std::count(name.begin(), name.end(), ':') > 1 && !name.starts_with('[');
    std::string host = bare_ipv6 ? lower(name) : host_name_of(name);
    if (!host.empty()) names_.push_back(std::move(host));
  }
  for (const std::string& origin : origins) {
    std::string normal = lower(origin);
    while (normal.ends_with('/')) normal.pop_back();
    if (!normal.empty()) origins_.push_back(std::move(normal));
  }
}

bool HostPolicy::host_allowed(std::string_view host, std::string_view local_address) const {
  const std::string name = host_name_of(host);
  return !name.empty() && (contains(names_, name) || name.ends_with(".localhost") || name == local_address);
}

std::span<const std::string_view> HostPolicy::local_origins() {
  static constexpr std::string_view kOrigins[] = {
      "http://localhost", "https://localhost", "http://localhost:*", "https://localhost:*",
      "http://127.0.0.1", "https://127.0.0.1", "http://127.0.0.1:*", "https://127.0.0.1:*",
      "http://[::1]",     "https://[::1]",     "http://[::1]:*",     "https://[::1]:*",
      "http://0.0.0.0",   "https://0.0.0.0",   "http://0.0.0.0:*",   "https://0.0.0.0:*",
      "app://*",          "file://*",          "tauri://*",          "vscode-webview://*",
      "vscode-file://*",
  };
  return kOrigins;
}

bool HostPolicy::origin_allowed(std::string_view origin, std::string_view host, bool secure) const {
  if (origin.empty() || is_own_origin(origin, host, secure)) return true;
  const std::string normal = lower(origin);
  const auto fits = [&](std::string_view pattern) { return matches(pattern, normal); };
  const auto local = local_origins();
  return std::any_of(local.begin(), local.end(), fits) || std::any_of(origins_.begin(), origins_.end(), fits);
}

bool HostPolicy::is_own_origin(std::string_view origin, std::string_view host, bool secure) {
  const std::string normal = lower(origin);
  const std::string own = lower(host);
  return normal == "https://" + own || (!secure && normal == "http://" + own);
}

}  // namespace hearth::api
