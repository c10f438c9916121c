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
  EXPECT_FALSE(policy.host_allowed("192.168.1.6:11434", "192.168.1.5"));
  EXPECT_TRUE(policy.host_allowed("[2001:db8::1]", "2001:db8::1"));
}

TEST(HostPolicy, AStarAllowsAllOrigins) {
  const HostPolicy closed({}, {});
  const HostPolicy open({}, {"*"});
  EXPECT_FALSE(closed.origin_allowed("https://x.example", "localhost"));
  EXPECT_TRUE(open.origin_allowed("https://x.example", "localhost"));
  EXPECT_FALSE(open.host_allowed("x.example", "127.0.0.1")) << "origins do not open the host list";
}

TEST(HostPolicy, ThePagesOwnOriginIsFine) {
  const HostPolicy policy({}, {});
  EXPECT_TRUE(policy.origin_allowed("http://localhost:11434", "localhost:11434"));
  EXPECT_FALSE(policy.origin_allowed("http://localhost:11435", "localhost:11434"));
  EXPECT_FALSE(policy.origin_allowed("null", "localhost:11434"));
}

}  // namespace
}  // namespace hearth::api
