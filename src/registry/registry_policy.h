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
};

class RegistryPolicy {
 public:
  // `allowed`: hosts as in names of models ("registry.example.org", "10.0.0.5:5000"), with "http://" in front
  // of those that have no TLS. With none, any host of the internet is allowed. A host that is named may be a
  // neighbour.
  explicit RegistryPolicy(std::vector<std::string> allowed = {}) : allowed_(std::move(allowed)) {}

  // This machine is always allowed, without TLS. kInvalidArgument: the host is not on the list.
  Result<Endpoint> endpoint(std::string_view host) const;

 private:
  std::vector<std::string> allowed_;
};

}  // namespace hearth::registry
