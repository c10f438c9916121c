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

// kInvalidArgument names the setting registry_ca_file: `path` is no file with certificates in PEM that can be
// read. An empty one is fine.
Status check_ca_file(const std::string& path);

class RegistryPolicy {
 public:
  // `allowed`: hosts as in names of models ("registry.example.org", "10.0.0.5:5000"), with "http://" in front
  // of those that have no TLS. With none, any host of the internet is allowed. A host that is named may be a
  // neighbour. The names of Hugging Face are one host. `ca_file`: a PEM file with the authorities of their
  // certificates, beside those of the system.
  explicit RegistryPolicy(std::vector<std::string> allowed = {}, std::string ca_file = {})
      : allowed_(std::move(allowed)), ca_file_(std::move(ca_file)) {}

  // This machine is always allowed, without TLS. kInvalidArgument: the host is not on the list, or it needs
  // TLS and check_ca_file() fails.
  Result<Endpoint> endpoint(std::string_view host) const;

 private:
  std::vector<std::string> allowed_;
  std::string ca_file_;
};

}  // namespace hearth::registry
