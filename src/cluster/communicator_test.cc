#include "cluster/communicator.h"

#include <gtest/gtest.h>

#include <array>

namespace hearth::cluster {
namespace {

TEST(SingleProcess, SumsAndGathersItself) {
  auto world = create_single_process_communicator();
  EXPECT_EQ(world->world_size(), 1);
  EXPECT_EQ(world->rank(), 0);
  std::array<float, 3> values{1, 2, 3}, gathered{};
  ASSERT_TRUE(world->all_reduce_sum(values));
  EXPECT_EQ(values, (std::array<float, 3>{1, 2, 3}));
  ASSERT_TRUE(world->all_gather(values, gathered));
  EXPECT_EQ(gathered, values);
}

TEST(SingleProcess, HasNobodyToTalkTo) {
  auto world = create_single_process_communicator();
  std::array<std::byte, 1> byte{};
  EXPECT_FALSE(world->send(byte, 0));
  EXPECT_FALSE(world->receive(byte, 1));
  EXPECT_FALSE(world->broadcast(byte, 1));
  EXPECT_TRUE(world->broadcast(byte, 0));
}

}  // namespace
}  // namespace hearth::cluster
