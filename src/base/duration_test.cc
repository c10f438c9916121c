#include "base/duration.h"

#include <gtest/gtest.h>

namespace hearth {
namespace {

int64_t ms(std::string_view text) {
  const auto duration = parse_duration(text);
  EXPECT_TRUE(duration) << text;
  return duration ? duration->count() : -12345;
}

TEST(Duration, ReadsGoNotation) {
  EXPECT_EQ(ms("0"), 0);
  EXPECT_EQ(ms("0s"), 0);
  EXPECT_EQ(ms("300ms"), 300);
  EXPECT_EQ(ms("10m"), 600'000);
  EXPECT_EQ(ms("1h30m"), 5'400'000);
  EXPECT_EQ(ms("1.5h"), 5'400'000);
  EXPECT_EQ(ms(".5s"), 500);
  EXPECT_EQ(ms("1.s"), 1000);
  EXPECT_EQ(ms("+2s"), 2000);
  EXPECT_EQ(ms("-1s"), -1000);
  EXPECT_EQ(ms("-0"), 0);
  EXPECT_EQ(ms("1500us"), 2);
  EXPECT_EQ(ms("1500\u00b5s"), 2);
  EXPECT_EQ(ms("1m1s1ms"), 61'001);
}

TEST(Duration, WhatIsNotNothingStaysSomething) {
  EXPECT_EQ(ms("1ns"), 1);
  EXPECT_EQ(ms("-20us"), -1);
}

TEST(Duration, RefusesTheRest) {
  for (const char* text :
       {"",     "-",  "5",    "1.5",    "m",  "5 m",  " 5m",  "5m ",  "5M",  "5d",
        "1h30", "h5", "--5s", "5.5.5s", ".s", "1e3s", "0x5s", "infs", "nan", "99999999999999999999h"}) {
    const auto duration = parse_duration(text);
    ASSERT_FALSE(duration) << text;
    EXPECT_EQ(duration.error().category, ErrorCategory::kInvalidArgument);
  }
}

}  // namespace
}  // namespace hearth
