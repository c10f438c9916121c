// Who may talk to this server through a browser: the Host and Origin lists. They hold in every bind mode;
// they are what keeps a web page that rebinds its name to 127.0.0.1 away from the API.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hearth::api {

class HostPolicy {
 public:
  // `names`: further host names ("box.lan"), beside localhost, 127.0.0.1 and ::1. `origins`: whole origins of
  // foreign pages ("https://app.example:8443"); "*" allows all.
  HostPolicy(std::vector<std::string> names, std::vector<std::string> origins);

  // `host` is a Host header, with or without port. `local_address` is the address the connection came in on:
  // a literal equal to it is fine, since a rebound name is never an address literal.
  bool host_allowed(std::string_view host, std::string_view local_address) const;

  // Empty (no browser, or a same-origin GET), the page's own origin (equal to the Host header), or listed.
  bool origin_allowed(std::string_view origin, std::string_view host) const;

 private:
  std::vector<std::string> names_;
  std::vector<std::string> origins_;
  bool any_origin_ = false;
};

// "LOCALHOST:80" -> "localhost", "[::1]:80" -> "::1"; empty when it is not a host with an optional port.
std::string host_name_of(std::string_view host);

}  // namespace hearth::api
