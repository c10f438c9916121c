#include "base/platform/memory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <vector>

namespace hearth::platform {
namespace {

class GroupMemoryTest : public testing::Test {
 protected:
  GroupMemoryTest() { std::filesystem::remove_all(mount_); }
  ~GroupMemoryTest() override { std::filesystem::remove_all(mount_); }

  void write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = mount_ + '/' + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text << '\n';
  }
  std::optional<GroupMemory> memory(const std::string& membership) const {
    write("membership", membership);
    return control_group_memory(mount_, mount_ + "/membership");
  }

 private:
  const std::string mount_ = testing::TempDir() + "group_memory";
};

TEST_F(GroupMemoryTest, WithoutALimitThereIsNone) {
  EXPECT_FALSE(memory("0::/"));
  write("memory.max", "max");
  write("memory/memory.limit_in_bytes", "9223372036854771712");
  EXPECT_FALSE(memory("5:memory:/\n0::/"));
  EXPECT_FALSE(control_group_memory("/nowhere", "/nowhere"));
}

TEST_F(GroupMemoryTest, TheTightestGroupOnTheWayUpHolds) {
  write("system/memory.max", "1000");
  write("system/memory.current", "700");
  write("system/hearth/memory.max", "2000");
  write("system/hearth/memory.current", "100");
  const auto found = memory("0::/system/hearth");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->limit_bytes, 1000u);
  EXPECT_EQ(found->available_bytes, 300u);
}

TEST_F(GroupMemoryTest, PageCacheOfTheGroupCanBeHad) {
  write("memory.max", "1000");
  write("memory.current", "900");
  write("memory.stat", "anon 200\nfile 700\ninactive_file 400\nactive_file 250\nshmem 50");
  const auto found = memory("0::/docker/0123");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->available_bytes, 750u);
}

TEST_F(GroupMemoryTest, MoreUsedThanAllowedLeavesNothing) {
  write("memory.max", "1000");
  write("memory.current", "1200");
  EXPECT_EQ(memory("0::/")->available_bytes, 0u);
}

TEST_F(GroupMemoryTest, VersionOneHasItsOwnFiles) {
  write("memory/docker/memory.limit_in_bytes", "5000");
  write("memory/docker/memory.usage_in_bytes", "3000");
  write("memory/docker/memory.stat", "inactive_file 1\ntotal_inactive_file 800\ntotal_active_file 200");
  const auto found = memory("4:cpu:/docker\n7:memory:/docker");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->limit_bytes, 5000u);
  EXPECT_EQ(found->available_bytes, 3000u);
}

TEST(ProcessMemoryTest, WhatIsTouchedShows) {
  if (process_memory().anonymous_bytes == 0) GTEST_SKIP() << "not known on this system";
  constexpr size_t kBytes = size_t{64} << 20;
  const uint64_t before = process_memory().anonymous_bytes;
  const std::vector<char> touched(kBytes, 1);
  EXPECT_GE(process_memory().anonymous_bytes, before + kBytes / 2);
  EXPECT_EQ(touched.back(), 1);
  EXPECT_LE(memory_state().available_bytes, memory_state().machine_bytes);
}

}  // namespace
}  // namespace hearth::platform
