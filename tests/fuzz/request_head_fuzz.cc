// The checks of a request's head: any target and any fields give a path or one error, and the client whom a
// proxy names is an address.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "api/access/trusted_proxies.h"
#include "api/request_head.h"
#include "fuzz_target.h"

using namespace hearth::api;

// "METHOD TARGET\nname:value\nname:value..."
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  auto line = [&] {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view text = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return text;
  };
  const std::string_view first = line();
  const size_t space = std::min(first.find(' '), first.size());
  HttpRequest request;
  request.method = std::string(first.substr(0, space));
  const std::string_view target = first.substr(std::min(space + 1, first.size()));
  while (!rest.empty()) {
    const std::string_view field = line();
    const size_t colon = std::min(field.find(':'), field.size());
    request.headers.emplace_back(field.substr(0, colon), field.substr(std::min(colon + 1, field.size())));
  }
  static const HostPolicy policy({"box.lan"}, {"https://*.example.com"});
  static const TrustedProxies proxies = *TrustedProxies::parse({"127.0.0.0/8", "10.0.0.0/8", "fd00::/8"});
  boost::system::error_code no_address;
  boost::asio::ip::make_address(proxies.client_of("127.0.0.1", request), no_address);
  if (no_address) std::abort();
  request.secure = proxies.came_through_tls("127.0.0.1", request);
  const auto error = check_head(request, target, (size & 1) != 0, HttpLimits(), policy, "127.0.0.1");
  if (error) {
    if (error->status < 400 || error->status > 499 || error->message.empty()) std::abort();
    static_cast<void>(error_json(*error));
    return 0;
  }
  if (!request.path.starts_with('/') || request.path.find('\0') != std::string::npos) std::abort();
  static_cast<void>(check_page(request, Scope::kManage, policy));
  static_cast<void>(printable(request.path));
  return 0;
}
