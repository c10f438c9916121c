#include "base/platform/processors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

namespace hearth::platform {
namespace {

class ControlGroups : public testing::Test {
 protected:
  ControlGroups() { std::filesystem::remove_all(mount_); }
  ~ControlGroups() override { std::filesystem::remove_all(mount_); }

  void write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = mount_ + '/' + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text << '\n';
  }
  double processors(const std::string& membership) const {
    write("membership", membership);
    return control_group_processors(mount_, mount_ + "/membership");
  }

 private:
  const std::string mount_ = testing::TempDir() + "control_groups";
};

TEST_F(ControlGroups, WithoutAQuotaThereIsNoLimit) {
  EXPECT_TRUE(std::isinf(processors("0::/")));
  write("cpu.max", "max 100000");
  write("cpu/cpu.cfs_quota_us", "-1");
  write("cpu/cpu.cfs_period_us", "100000");
  EXPECT_TRUE(std::isinf(processors("1:cpu:/\n0::/")));
  EXPECT_TRUE(std::isinf(control_group_processors("/nowhere", "/nowhere")));
}

TEST_F(ControlGroups, TheLeastQuotaOnTheWayUpHolds) {
  write("system/cpu.max", "150000 100000");
  write("system/hearth/cpu.max", "400000 100000");
  EXPECT_DOUBLE_EQ(processors("0::/system/hearth"), 1.5);
  write("system/hearth/cpu.max", "50000 100000");
  EXPECT_DOUBLE_EQ(processors("0::/system/hearth"), 0.5);
}

TEST_F(ControlGroups, AContainerSeesItsOwnGroupAsTheRoot) {
  write("cpu.max", "300000 100000");
  EXPECT_DOUBLE_EQ(processors("0::/docker/0123"), 3);
}

TEST_F(ControlGroups, VersionOneHasTwoFiles) {
  write("cpu,cpuacct/docker/cpu.cfs_quota_us", "250000");
  write("cpu,cpuacct/docker/cpu.cfs_period_us", "100000");
  EXPECT_DOUBLE_EQ(processors("7:memory:/docker\n4:cpu,cpuacct:/docker"), 2.5);
  EXPECT_TRUE(std::isinf(processors("4:cpuset:/docker")));
}

}  // namespace
}  // namespace hearth::platform
