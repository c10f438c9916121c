#include "registry/registry_policy.h"

#include <strings.h>

#include "net/address_policy.h"

namespace hearth::registry {

Result<Endpoint> RegistryPolicy::endpoint(std::string_view host) const {
  const std::string wanted(host);
  for (const std::string& entry : allowed_) {
    std::string_view name = entry;
    const bool plain = name.starts_with("http://");
    if (const size_t scheme = name.find("://"); scheme != std::string_view::npos)
      name.remove_prefix(scheme + 3);
    if (strcasecmp(std::string(name).c_str(), wanted.c_str()) == 0) {
      return Endpoint{(plain ? "http://" : "https://") + wanted, true, ca_file_};
    }
  }
  std::string_view without_port = host;
  if (const size_t colon = host.rfind(':'); colon != std::string_view::npos && host.find(':') == colon) {
    without_port = host.substr(0, colon);
  }
  if (net::is_loopback_host(without_port)) return Endpoint{"http://" + wanted, true, ca_file_};
  if (!allowed_.empty()) {
    return fail(ErrorCategory::kInvalidArgument,
                "the configuration (registries) does not allow models of \"{}\"; it names {}", host,
                fmt::join(allowed_, ", "));
  }
  return Endpoint{"https://" + wanted, false, ca_file_};
}

}  // namespace hearth::registry
