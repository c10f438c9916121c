#include "registry/registry_policy.h"

#include <strings.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "net/address_policy.h"
#include "store/model_name.h"

namespace hearth::registry {
namespace {

bool on_hugging_face(const std::string& host) {
  store::ModelName name;
  name.host = host;
  return name.on_hugging_face();
}

bool same_registry(const std::string& a, const std::string& b) {
  return strcasecmp(a.c_str(), b.c_str()) == 0 || (on_hugging_face(a) && on_hugging_face(b));
}

}  // namespace

Status check_ca_file(const std::string& path) {
  constexpr size_t kMostBytes = size_t{1} << 20;  // those of the whole web take 0.2 MB
  if (path.empty()) return {};
  const auto wrong = [&](std::string_view why) {
    return fail(ErrorCategory::kInvalidArgument, "the setting registry_ca_file names {}: {}", path, why);
  };
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (error) return wrong(error.message());
  if (!std::filesystem::is_regular_file(status)) return wrong("it is no file");
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return wrong(std::strerror(errno));
  std::string text(kMostBytes, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(stream.gcount()));
  if (text.find("CERTIFICATE-----") == std::string::npos) return wrong("it has no certificate in PEM");
  return {};
}

Result<Endpoint> RegistryPolicy::endpoint(std::string_view host) const {
  const std::string wanted(host);
  for (const std::string& entry : allowed_) {
    std::string_view name = entry;
    const bool plain = name.starts_with("http://");
    if (const size_t scheme = name.find("://"); scheme != std::string_view::npos)
      name.remove_prefix(scheme + 3);
    if (same_registry(std::string(name), wanted)) {
      if (!plain) HEARTH_CHECK_OK(check_ca_file(ca_file_));
      return Endpoint{(plain ? "http://" : "https://") + wanted, true, ca_file_};
    }
  }
  std::string_view without_port = host;
  if (const size_t colon = host.rfind(':');
      colon != std::string_view::npos && (host.find(':') == colon || host[colon - 1] == ']')) {
    without_port = host.substr(0, colon);
  }
  if (net::is_loopback_host(without_port)) return Endpoint{"http://" + wanted, true, ca_file_};
  if (!allowed_.empty()) {
    return fail(ErrorCategory::kInvalidArgument,
                "the configuration (registries) does not allow models of \"{}\"; it names {}", host,
                fmt::join(allowed_, ", "));
  }
  HEARTH_CHECK_OK(check_ca_file(ca_file_));
  return Endpoint{"https://" + wanted, false, ca_file_};
}

}  // namespace hearth::registry
