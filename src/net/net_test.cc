#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include "net/address_policy.h"
#include "net/http_client.h"

namespace hearth::net {
namespace {

bool is_private(const char* text) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
    return is_private_address(reinterpret_cast<const sockaddr&>(v4));
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  EXPECT_EQ(inet_pton(AF_INET6, text, &v6.sin6_addr), 1) << text;
  return is_private_address(reinterpret_cast<const sockaddr&>(v6));
}

TEST(AddressPolicyTest, TellsNeighboursFromTheInternet) {
  for (const char* text : {"127.0.0.1",
                           "10.1.2.3",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.168.1.1",
                           "169.254.169.254",
                           "100.64.0.1",
                           "0.0.0.0",
                           "255.255.255.255",
                           "224.0.0.1",
                           "::1",
                           "::",
                           "fe80::1",
                           "fc00::1",
                           "::ffff:127.0.0.1",
                           "::ffff:10.0.0.1",
                           "64:ff9b::a00:1",
                           "2002:7f00:1::",
                           "2001:db8::1",
                           "ff02::1"}) {
    EXPECT_TRUE(is_private(text)) << text;
  }
  for (const char* text : {"8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"}) {
    EXPECT_FALSE(is_private(text)) << text;
  }
}

TEST(AddressPolicyTest, KnowsThisMachine) {
  for (const char* text : {"localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "[::1]", "::1"}) {
    EXPECT_TRUE(is_loopback_host(text)) << text;
  }
  for (const char* text : {"localhost.example", "128.0.0.1", "", "[]", "10.0.0.1"}) {
    EXPECT_FALSE(is_loopback_host(text)) << text;
  }
}

TEST(UrlTest, ReadsItsParts) {
  const Result<Url> url = Url::parse("HTTPS://Example.org:8443/a?b");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->host, "Example.org");
  EXPECT_EQ(url->authority, "Example.org:8443");
  EXPECT_EQ(Url::parse("http://[::1]:80/")->host, "::1");
  for (const char* text : {"", "file:///etc/passwd", "ftp://x/", "http://user:pass@x/", "http://", "x y"}) {
    EXPECT_FALSE(Url::parse(text)) << text;
  }
  EXPECT_EQ(Url::resolve("http://a/b/c", "../d?e").value(), "http://a/d?e");
  EXPECT_EQ(Url::resolve("http://a/b/c", "https://d/").value(), "https://d/");
}

TEST(HttpClientTest, DoesNotConnectToNeighboursUnasked) {
  HttpClient client;
  const Result<HttpReply> reply = client.send({.url = "http://127.0.0.1:9/"});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().category, ErrorCategory::kInvalidArgument);
  const Result<HttpReply> refused =
      client.send({.url = "http://127.0.0.1:9/", .allow_private_addresses = true});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().category, ErrorCategory::kIo);
}

// A proxy connects to names for us; addresses that are written out, and hosts that are asked without it, are
// seen.
TEST(HttpClientTest, AProxyIsNoWayAroundThat) {
  setenv("http_proxy", "http://127.0.0.1:9", 1);
  setenv("no_proxy", "localhost.example, .direct.example", 1);
  HttpClient client;
  const auto category = [&](const char* url) { return client.send({.url = url}).error().category; };
  EXPECT_EQ(category("http://10.0.0.5/"), ErrorCategory::kInvalidArgument);
  EXPECT_EQ(category("http://[fc00::1]/"), ErrorCategory::kInvalidArgument);
  EXPECT_EQ(category("http://localhost:9/"), ErrorCategory::kInvalidArgument);
  EXPECT_EQ(category("http://example.org/"), ErrorCategory::kIo);  // the proxy is not there
  unsetenv("http_proxy");
  unsetenv("no_proxy");
}

}  // namespace
}  // namespace hearth::net
