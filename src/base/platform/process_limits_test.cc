#include "base/platform/process_limits.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace hearth::platform {
namespace {

TEST(ProcessLimits, RaisesTheSoftLimitUpToTheHardOne) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_GE(before.rlim_max, 64u);
  const rlimit low{32, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(raise_descriptor_limit(16), 32u) << "never lowered";
  EXPECT_EQ(raise_descriptor_limit(64), 64u);
  EXPECT_EQ(raise_descriptor_limit(RLIM_INFINITY), before.rlim_max);
  rlimit now{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &now), 0);
  EXPECT_EQ(now.rlim_cur, before.rlim_max);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(ProcessLimits, CoreDumpsAreOff) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_CORE, &before), 0);
  disable_core_dumps();
  rlimit now{};
  ASSERT_EQ(getrlimit(RLIMIT_CORE, &now), 0);
  EXPECT_EQ(now.rlim_cur, 0u);
  ASSERT_EQ(setrlimit(RLIMIT_CORE, &before), 0);
}

}  // namespace
}  // namespace hearth::platform
