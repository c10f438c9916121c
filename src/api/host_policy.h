// Who may talk to this server through a browser: the Host and Origin lists. They hold in every bind mode;
// they are what keeps a web page that rebinds its name to 127.0.0.1 away from the API.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::api {

class HostPolicy {
 public:
  // `names`: further host names ("box.lan"), beside localhost and all names below it, 127.0.0.1, ::1 and
  // host.docker.internal, under which containers know their machine: nobody can rebind those. `origins`:
  // whole origins of foreign pages ("https://app.example:8443"), beside local_origins(); '*' stands for any
  // text in them.
  HostPolicy(std::vector<std::string> names, std::vector<std::string> origins);

  // Pages and programs of this machine, as Ollama lists them: they could ask without a browser as well. Not
  // "null", which any page can make itself.
  static std::span<const std::string_view> local_origins();

  // `host` is a Host header, with or without port. `local_address` is the address the connection came in on:
  // a literal equal to it is fine, since a rebound name is never an address literal.
  bool host_allowed(std::string_view host, std::string_view local_address) const;

  // Empty (no browser, or a same-origin GET), the page's own origin, or listed. `secure` as in HttpRequest.
  bool origin_allowed(std::string_view origin, std::string_view host, bool secure) const;
  // Equal to the Host header, with a scheme: where the request is secure with https alone, since what came
  // without TLS may be anybody's page; else with either, as an unknown proxy may end TLS.
  static bool is_own_origin(std::string_view origin, std::string_view host, bool secure);

 private:
  std::vector<std::string> names_;
  std::vector<std::string> origins_;  // patterns
};

// "LOCALHOST:80" -> "localhost", "[::1]:80" -> "::1"; empty when it is not a host with an optional port.
std::string host_name_of(std::string_view host);

}  // namespace hearth::api
