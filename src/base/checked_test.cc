#include "base/checked.h"

#include <gtest/gtest.h>

namespace hearth {
namespace {

constexpr uint64_t kMax = ~uint64_t{0};

TEST(Checked, AddReportsWrapAround) {
  EXPECT_EQ(checked_add(kMax - 1, 1), kMax);
  EXPECT_EQ(checked_add(kMax, 1), std::nullopt);
}

TEST(Checked, MultiplyReportsWrapAround) {
  EXPECT_EQ(checked_mul(uint64_t{1} << 32, (uint64_t{1} << 32) - 1), kMax - 0xffffffffu);
  EXPECT_EQ(checked_mul(uint64_t{1} << 32, uint64_t{1} << 32), std::nullopt);
}

TEST(Checked, AlignUpReportsWrapAround) {
  EXPECT_EQ(checked_align_up(33, 32), 64u);
  EXPECT_EQ(checked_align_up(64, 32), 64u);
  EXPECT_EQ(checked_align_up(kMax - 3, 32), std::nullopt);
}

}  // namespace
}  // namespace hearth
