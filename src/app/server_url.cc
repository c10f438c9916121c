#include "app/server_url.h"

#include <fmt/format.h>

namespace hearth::app {

std::string server_url(const Settings& settings) {
  std::string host = settings.host;
  if (host == "0.0.0.0" || host == "::") host = "127.0.0.1";  // it listens everywhere, so here too
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return fmt::format("{}://{}:{}", settings.tls_cert.empty() ? "http" : "https", host, settings.port);
}

}  // namespace hearth::app
