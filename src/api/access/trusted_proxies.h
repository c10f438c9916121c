// Programs in front of this server whose word about their clients is taken: reverse proxies that end TLS or
// give several servers one name. What anybody else says in X-Forwarded-For and X-Forwarded-Proto is not
// looked at.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/http_types.h"
#include "base/result.h"

namespace hearth::api {

class TrustedProxies {
 public:
  // Nobody.
  TrustedProxies() = default;
  // Addresses ("10.0.0.7", "::1") and networks ("10.0.0.0/24"). kInvalidArgument names the one that is
  // neither.
  static Result<TrustedProxies> parse(const std::vector<std::string>& networks);

  bool empty() const { return v4_.empty() && v6_.empty(); }
  bool contains(const boost::asio::ip::address& address) const;

  // Whose request it is: `peer`, or where that is a trusted proxy the client it names. Of several hops in
  // X-Forwarded-For the last one that is not trusted itself counts, as whatever stands before it may be made
  // up; a hop that is no address ends the search at the one behind it.
  std::string client_of(std::string_view peer, const HttpRequest& request) const;

  // Whether `peer` is a trusted proxy and says that its client came by https. Of several hops the first in
  // X-Forwarded-Proto counts, the client's own: who makes it up deceives nobody but himself.
  bool came_through_tls(std::string_view peer, const HttpRequest& request) const;

 private:
  std::vector<boost::asio::ip::network_v4> v4_;
  std::vector<boost::asio::ip::network_v6> v6_;
};

}  // namespace hearth::api
