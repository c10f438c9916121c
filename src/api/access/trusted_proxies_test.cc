#include "api/access/trusted_proxies.h"

#include <gtest/gtest.h>

namespace hearth::api {
namespace {

TrustedProxies proxies(const std::vector<std::string>& networks) {
  auto parsed = TrustedProxies::parse(networks);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return parsed ? *parsed : TrustedProxies();
}

// Whose request it is that `peer` hands on with these X-Forwarded-For fields.
std::string client(const TrustedProxies& trusted, std::string_view peer,
                   const std::vector<std::string>& fields) {
  HttpRequest request;
  request.headers.emplace_back("host", "localhost");
  for (const std::string& field : fields) request.headers.emplace_back("x-forwarded-for", field);
  return trusted.client_of(peer, request);
}

TEST(TrustedProxies, OnlyTheirWordCounts) {
  const TrustedProxies trusted = proxies({"10.0.0.0/24", "::1"});
  EXPECT_EQ(client(trusted, "10.0.0.7", {"203.0.113.9"}), "203.0.113.9");
  EXPECT_EQ(client(trusted, "::1", {"203.0.113.9"}), "203.0.113.9");
  EXPECT_EQ(client(trusted, "::ffff:10.0.0.7", {"203.0.113.9"}), "203.0.113.9");
  EXPECT_EQ(client(trusted, "10.0.1.7", {"203.0.113.9"}), "10.0.1.7");
  EXPECT_EQ(client(trusted, "127.0.0.1", {"203.0.113.9"}), "127.0.0.1");
  EXPECT_EQ(client(TrustedProxies(), "10.0.0.7", {"203.0.113.9"}), "10.0.0.7");
  EXPECT_EQ(client(trusted, "10.0.0.7", {}), "10.0.0.7") << "a request of its own";
}

TEST(TrustedProxies, SayWhetherTheirClientCameThroughTls) {
  const TrustedProxies trusted = proxies({"10.0.0.0/24"});
  const auto secure = [&](std::string_view peer, const std::string& scheme) {
    HttpRequest request;
    request.headers.emplace_back("x-forwarded-proto", scheme);
    return trusted.came_through_tls(peer, request);
  };
  for (const char* yes : {"https", "HTTPS", "https,http", "https, http"}) {
    EXPECT_TRUE(secure("10.0.0.7", yes)) << yes;
    EXPECT_FALSE(secure("10.0.1.7", yes)) << "anybody can write that";
  }
  for (const char* no : {"http", "", "http, https", "httpsx", ",https", "wss"}) {
    EXPECT_FALSE(secure("10.0.0.7", no)) << no;
  }
  EXPECT_FALSE(trusted.came_through_tls("10.0.0.7", HttpRequest()));
}

TEST(TrustedProxies, TheLastHopThatIsNotTrustedCounts) {
  const TrustedProxies trusted = proxies({"10.0.0.0/24"});
  EXPECT_EQ(client(trusted, "10.0.0.7", {"1.2.3.4, 203.0.113.9, 10.0.0.8"}), "203.0.113.9");
  EXPECT_EQ(client(trusted, "10.0.0.7", {"1.2.3.4", "203.0.113.9,10.0.0.8"}), "203.0.113.9") << "two fields";
  EXPECT_EQ(client(trusted, "10.0.0.7", {"10.0.0.9, 10.0.0.8"}), "10.0.0.9") << "nobody else is named";
  EXPECT_EQ(client(trusted, "10.0.0.7", {"203.0.113.9:4711"}), "203.0.113.9");
  EXPECT_EQ(client(trusted, "10.0.0.7", {"[2001:db8::1]:4711"}), "2001:db8::1");
  EXPECT_EQ(client(trusted, "10.0.0.7", {"2001:db8::1"}), "2001:db8::1");
  EXPECT_EQ(client(trusted, "10.0.0.7", {"203.0.113.9, unknown, 10.0.0.8"}), "10.0.0.8") << "no address";
  EXPECT_EQ(client(trusted, "10.0.0.7", {"203.0.113.9,"}), "10.0.0.7");
  EXPECT_EQ(client(trusted, "10.0.0.7", {"[", "]", ":", "203.0.113.9\x01"}), "10.0.0.7");
  std::string many = "203.0.113.9";
  for (int i = 0; i < 40; ++i) many += ", 10.0.0.8";
  EXPECT_EQ(client(trusted, "10.0.0.7", {many}), "10.0.0.8") << "hops are bounded";
}

TEST(TrustedProxies, NamesWhatIsNeitherAddressNorNetwork) {
  for (const char* bad : {"", "proxy.lan", "10.0.0.0/33", "10.0.0", "*", "10.0.0.7:80"}) {
    const auto parsed = TrustedProxies::parse({"10.0.0.7", bad});
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().category, ErrorCategory::kInvalidArgument);
    EXPECT_NE(parsed.error().message.find("\"" + std::string(bad) + "\""), std::string::npos);
  }
  EXPECT_TRUE(proxies({}).empty());
  const TrustedProxies wide = proxies({"fd00::/8", "0.0.0.0/0"});
  EXPECT_TRUE(wide.contains(boost::asio::ip::make_address("fd12::1")));
  EXPECT_FALSE(wide.contains(boost::asio::ip::make_address("fe80::1")));
  EXPECT_TRUE(wide.contains(boost::asio::ip::make_address("8.8.8.8")));
}

}  // namespace
}  // namespace hearth::api
