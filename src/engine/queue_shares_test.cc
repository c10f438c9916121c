#include "engine/queue_shares.h"

#include <gtest/gtest.h>

namespace hearth::engine {
namespace {

size_t fill(QueueShares& queue, const std::string& owner) {
  size_t n = 0;
  while (queue.take(owner)) ++n;
  return n;
}

TEST(QueueShares, OneAloneHasFourFifths) {
  QueueShares queue(100, "requests");
  EXPECT_EQ(fill(queue, "a"), 80u);
  EXPECT_EQ(queue.take("a").error().message,
            "80 requests of yours are waiting already, and what is free is kept for others; try again later");
  EXPECT_EQ(queue.take("a").error().category, ErrorCategory::kQueueFull);
}

TEST(QueueShares, WhoComesLaterFindsRoom) {
  QueueShares queue(100, "requests");
  fill(queue, "a");
  EXPECT_EQ(fill(queue, "b"), 16u);
  EXPECT_EQ(fill(queue, "c"), 3u);
  EXPECT_EQ(fill(queue, "d"), 1u);
  EXPECT_EQ(queue.take("e").error().message, "100 requests are waiting already; try again later");
}

TEST(QueueShares, WhatTheFirstGivesBackIsForTheOthers) {
  QueueShares queue(100, "requests");
  size_t a = fill(queue, "a"), b = fill(queue, "b");
  // Requests end in turn, and each owner sends more whenever it may.
  for (int i = 0; i < 100; ++i) {
    queue.give_back("a");
    a += fill(queue, "a") - 1;
    b += fill(queue, "b");
    queue.give_back("b");
    b += fill(queue, "b") - 1;
  }
  EXPECT_NEAR(static_cast<double>(a), 44, 1);
  EXPECT_NEAR(static_cast<double>(b), 44, 1);
}

TEST(QueueShares, TheFirstRequestOfAnOwnerMayTakeAllThatIsFree) {
  QueueShares queue(1000, "tokens");
  EXPECT_TRUE(queue.take("a", 900));
  EXPECT_FALSE(queue.take("a", 90));
  EXPECT_TRUE(queue.take("b", 100));
  EXPECT_FALSE(queue.take("c", 1));
  queue.give_back("a", 900);
  queue.give_back("b", 100);
  EXPECT_TRUE(queue.take("c", 1000));
}

TEST(QueueShares, ASmallQueueServesOneAtATime) {
  QueueShares queue(1, "requests");
  EXPECT_TRUE(queue.take("a"));
  EXPECT_FALSE(queue.take("b"));
  queue.give_back("a");
  EXPECT_TRUE(queue.take("b"));
}

}  // namespace
}  // namespace hearth::engine
