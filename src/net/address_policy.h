// Which addresses belong to the open internet, and which to the machines around this one.
#pragma once

#include <string_view>

struct sockaddr;

namespace hearth::net {

// Of this machine, a private network, a link, a carrier's or a test's range, multicast, or not known. IPv4
// (RFC 6890), IPv6, and IPv4 inside IPv6.
bool is_private_address(const sockaddr& address);
// False for what is no address, such as a name.
bool is_private_address_text(std::string_view host);

// "localhost", or an address of this machine as it is written in a URL, with or without brackets.
bool is_loopback_host(std::string_view host);

}  // namespace hearth::net
