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
    : names_{"localhost", "127.0.0.1", "::1"} {
  for (const std::string& name : names) {
    const bool bare_ipv6 = std::count(name.begin(), name.end(), ':') > 1 && !name.starts_with('[');
    std::string host = bare_ipv6 ? lower(name) : host_name_of(name);
    if (!host.empty()) names_.push_back(std::move(host));
  }
  for (const std::string& origin : origins) {
    if (origin == "*") any_origin_ = true;
    std::string normal = lower(origin);
    while (normal.ends_with('/')) normal.pop_back();
    if (!normal.empty()) origins_.push_back(std::move(normal));
  }
}

bool HostPolicy::host_allowed(std::string_view host, std::string_view local_address) const {
  const std::string name = host_name_of(host);
  return !name.empty() && (contains(names_, name) || name == local_address);
}

bool HostPolicy::origin_allowed(std::string_view origin, std::string_view host) const {
  if (origin.empty() || any_origin_) return true;
  const std::string normal = lower(origin);
  const std::string own = lower(host);
  return normal == "http://" + own || normal == "https://" + own || contains(origins_, normal);
}

}  // namespace hearth::api
