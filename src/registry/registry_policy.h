// Which hosts models come from and go to, and how they are spoken to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::registry {

struct Endpoint {
  std::string base;  // "https://registry.ollama.ai"
  bool allow_private_addresses = false;
  std::string ca_file{};  // further certificate authorities; empty = none
};

class RegistryPolicy {
 public:
  // `allowed`: hosts as in names of models ("registry.example.org", "10.0.0.5:5000"), with "http://" in front
  // of those that have no TLS. With none, any host of the internet is allowed. A host that is named may be a
  // neighbour. `ca_file`: a PEM file with the authorities of their certificates, beside those of the system.
  explicit RegistryPolicy(std::vector<std::string> allowed = {}, std::string ca_file = {})
      : allowed_(std::move(allowed)), ca_file_(std::move(ca_file)) {}

  // This machine is always allowed, without TLS. kInvalidArgument: the host is not on the list.
  Result<Endpoint> endpoint(std::string_view host) const;

 private:
  std::vector<std::string> allowed_;
  std::string ca_file_;
};

}  // namespace hearth::registry
