#include "api/access/trusted_proxies.h"

#include <strings.h>

#include <algorithm>
#include <optional>

namespace hearth::api {
namespace {

namespace ip = boost::asio::ip;
using boost::system::error_code;

constexpr int kMaxHops = 32;

// IPv4 as itself, also where it came in through an IPv6 socket.
ip::address plain(const ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return ip::make_address_v4(ip::v4_mapped, address.to_v6());
}

// Without the name of a link, which means something on one machine only.
std::optional<ip::address> parse_address(std::string_view text) {
  if (text.find_first_of(std::string_view("%\0", 2)) != std::string_view::npos) return std::nullopt;
  error_code error;
  const ip::address address = ip::make_address(std::string(text), error);
  if (error) return std::nullopt;
  return plain(address);
}

// "10.0.0.7", "10.0.0.7:4711", "2001:db8::1", "[2001:db8::1]:4711"
std::optional<ip::address> parse_hop(std::string_view hop) {
  const size_t begin = hop.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return std::nullopt;
  hop = hop.substr(begin, hop.find_last_not_of(" \t") - begin + 1);
  if (hop.starts_with('[')) return parse_address(hop.substr(1, hop.find(']') - 1));
  if (std::count(hop.begin(), hop.end(), ':') == 1) hop = hop.substr(0, hop.find(':'));
  return parse_address(hop);
}

}  // namespace

Result<TrustedProxies> TrustedProxies::parse(const std::vector<std::string>& networks) {
  TrustedProxies proxies;
  for (const std::string& text : networks) {
    error_code error;
    if (const auto address = parse_address(text)) {
      if (address->is_v4()) {
        proxies.v4_.emplace_back(address->to_v4(), 32);
      } else {
        proxies.v6_.emplace_back(address->to_v6(), 128);
      }
      continue;
    }
    if (const auto v4 = ip::make_network_v4(text, error); !error) {
      proxies.v4_.push_back(v4.canonical());
    } else if (const auto v6 = ip::make_network_v6(text, error); !error) {
      proxies.v6_.push_back(v6.canonical());
    } else {
      return fail(ErrorCategory::kInvalidArgument,
                  "\"{}\" is neither an address such as 10.0.0.7 nor a network such as 10.0.0.0/24", text);
    }
  }
  return proxies;
}

bool TrustedProxies::contains(const ip::address& address) const {
  const ip::address wanted = plain(address);
  const auto within = [](const auto& network, const auto& one) {
    using Network = std::decay_t<decltype(network)>;
    return Network(one, network.prefix_length()).canonical() == network;
  };
  if (wanted.is_v4()) {
    return std::any_of(v4_.begin(), v4_.end(), [&](const auto& n) { return within(n, wanted.to_v4()); });
  }
  return std::any_of(v6_.begin(), v6_.end(), [&](const auto& n) { return within(n, wanted.to_v6()); });
}

std::string TrustedProxies::client_of(std::string_view peer, const HttpRequest& request) const {
  if (empty()) return std::string(peer);
  std::optional<ip::address> client = parse_address(peer);
  if (!client || !contains(*client)) return std::string(peer);
  std::string hops;
  for (const auto& [name, value] : request.headers) {
    if (name == "x-forwarded-for") hops += (hops.empty() ? "" : ",") + value;
  }
  std::string_view rest = hops;
  for (int i = 0; i < kMaxHops && !rest.empty() && contains(*client); ++i) {
    const size_t comma = rest.rfind(',');
    const auto hop = parse_hop(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
    if (!hop) break;
    client = hop;
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(0, comma);
  }
  return client->to_string();
}

bool TrustedProxies::came_through_tls(std::string_view peer, const HttpRequest& request) const {
  if (empty()) return false;
  const std::optional<ip::address> proxy = parse_address(peer);
  if (!proxy || !contains(*proxy)) return false;
  std::string_view scheme = request.header("x-forwarded-proto");
  scheme = scheme.substr(0, scheme.find_first_of(", \t"));
  return scheme.size() == 5 && strncasecmp(scheme.data(), "https", 5) == 0;
}

}  // namespace hearth::api
