#include "api/body_budget.h"

#include <gtest/gtest.h>

namespace hearth::api {
namespace {

TEST(BodyBudget, IsSharedAndGivenBack) {
  BodyBudget budget(100);
  BodyBudget::Share first(budget);
  EXPECT_TRUE(first.grow_to(60));
  EXPECT_TRUE(first.grow_to(50)) << "less than it has";
  {
    BodyBudget::Share second(budget);
    EXPECT_FALSE(second.grow_to(41));
    EXPECT_TRUE(second.grow_to(40));
    EXPECT_FALSE(first.grow_to(61));
  }
  EXPECT_TRUE(first.grow_to(100));
  EXPECT_FALSE(first.grow_to(101));
}

}  // namespace
}  // namespace hearth::api
