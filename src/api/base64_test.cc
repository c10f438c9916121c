#include "api/base64.h"

#include <gtest/gtest.h>

#include <string_view>

namespace hearth::api {
namespace {

std::string encoded(std::string_view text) {
  return base64_encode(std::as_bytes(std::span(text)));
}

// The vectors of RFC 4648, section 10.
TEST(Base64, PadsToFourDigits) {
  EXPECT_EQ(encoded(""), "");
  EXPECT_EQ(encoded("f"), "Zg==");
  EXPECT_EQ(encoded("fo"), "Zm8=");
  EXPECT_EQ(encoded("foo"), "Zm9v");
  EXPECT_EQ(encoded("foob"), "Zm9vYg==");
  EXPECT_EQ(encoded("fooba"), "Zm9vYmE=");
  EXPECT_EQ(encoded("foobar"), "Zm9vYmFy");
}

TEST(Base64, KnowsAllBytes) {
  EXPECT_EQ(encoded("\xfb\xff\xbf"), "+/+/");
  EXPECT_EQ(encoded(std::string_view("\0\0\0", 3)), "AAAA");
}

}  // namespace
}  // namespace hearth::api
