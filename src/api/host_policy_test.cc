#include "api/host_policy.h"

#include <gtest/gtest.h>

namespace hearth::api {
namespace {

TEST(HostPolicy, ReadsHostAndPort) {
  EXPECT_EQ(host_name_of("LocalHost:80"), "localhost");
  EXPECT_EQ(host_name_of("[FE80::1]:65535"), "fe80::1");
  EXPECT_EQ(host_name_of("a.b-c_d"), "a.b-c_d");
  for (const char* bad : {"a:b", "a:123456", "a:", "[::1]x", "[::1", "a/b", "a@b", "::1"}) {
    EXPECT_EQ(host_name_of(bad), "") << bad;
  }
}

TEST(HostPolicy, TheAddressOfTheConnectionIsAlwaysFine) {
  const HostPolicy policy({"0.0.0.0"}, {});
  EXPECT_TRUE(policy.host_allowed("192.168.1.5:11434", "192.168.1.5"));
  EXPECT_TRUE(policy.host_allowed("hearth.localhost:11434", "127.0.0.1"));
  EXPECT_TRUE(policy.host_allowed("host.docker.internal:11434", "172.17.0.1"));
  EXPECT_FALSE(policy.host_allowed("notlocalhost:11434", "127.0.0.1"));
  EXPECT_FALSE(policy.host_allowed("192.168.1.6:11434", "192.168.1.5"));
  EXPECT_TRUE(policy.host_allowed("[2001:db8::1]", "2001:db8::1"));
}

TEST(HostPolicy, AStarAllowsAllOrigins) {
  const HostPolicy closed({}, {});
  const HostPolicy open({}, {"*"});
  EXPECT_FALSE(closed.origin_allowed("https://x.example", "localhost", false));
  EXPECT_TRUE(open.origin_allowed("https://x.example", "localhost", false));
  EXPECT_FALSE(open.host_allowed("x.example", "127.0.0.1")) << "origins do not open the host list";
}

TEST(HostPolicy, ThePagesOwnOriginIsFine) {
  const HostPolicy policy({}, {});
  EXPECT_TRUE(policy.origin_allowed("http://localhost:11434", "localhost:11434", false));
  EXPECT_TRUE(policy.origin_allowed("https://box.lan", "box.lan", false));
  EXPECT_FALSE(policy.origin_allowed("https://box.lan:444", "box.lan", false));
  EXPECT_FALSE(policy.origin_allowed("null", "localhost:11434", false));
  EXPECT_TRUE(HostPolicy::is_own_origin("https://Box.lan", "box.LAN", false));
  EXPECT_FALSE(HostPolicy::is_own_origin("http://localhost:1", "localhost:2", false))
      << "allowed, but not our own";
  EXPECT_FALSE(HostPolicy::is_own_origin("", "", false));
  EXPECT_TRUE(HostPolicy::is_own_origin("https://box.lan", "box.lan", true));
  EXPECT_FALSE(HostPolicy::is_own_origin("http://box.lan", "box.lan", true)) << "came without TLS";
}

TEST(HostPolicy, StarsStandForAnyText) {
  const HostPolicy policy({}, {"https://*.example.com", "moz-extension://*", "http://10.0.0.*:80*"});
  for (const char* good : {"https://a.example.com", "https://a.b.example.com", "moz-extension://0f3a",
                           "http://10.0.0.7:8080", "http://10.0.0.7:80"}) {
    EXPECT_TRUE(policy.origin_allowed(good, "localhost", false)) << good;
  }
  for (const char* bad : {"https://example.com", "http://a.example.com", "https://a.example.com.evil.example",
                          "https://a.example.com:8443", "xmoz-extension://a", "http://10.0.0.7:70"}) {
    EXPECT_FALSE(policy.origin_allowed(bad, "localhost", false)) << bad;
  }
}

}  // namespace
}  // namespace hearth::api
