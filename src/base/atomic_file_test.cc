#include "base/atomic_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <iterator>

namespace hearth {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

class AtomicFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "hearth-atomic-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  size_t files() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
};

TEST_F(AtomicFileTest, WritesAndReplaces) {
  const fs::path path = folder_ / "deeper" / "file.json";
  ASSERT_TRUE(write_file_atomically(path, "one"));
  ASSERT_TRUE(write_file_atomically(path, "two"));
  EXPECT_EQ(contents(path), "two");
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

// The limit on file sizes makes write() fail just as a full disk does.
TEST_F(AtomicFileTest, KeepsTheOldFileWhenTheDiskIsFull) {
  const fs::path path = folder_ / "file.json";
  ASSERT_TRUE(write_file_atomically(path, "old"));

  struct rlimit before {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto previous = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit tiny { 1000, before.rlim_max };
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tiny), 0);
  const Status written = write_file_atomically(path, std::string(5000, 'x'));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, previous);

  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().category, ErrorCategory::kIo);
  EXPECT_NE(written.error().message.find("file.json"), std::string::npos);
  EXPECT_EQ(contents(path), "old");
  EXPECT_EQ(files(), 1U) << "the draft is left behind";
}

TEST_F(AtomicFileTest, SaysWhenTheFolderCannotBe) {
  ASSERT_TRUE(write_file_atomically(folder_ / "file", "x"));
  const Status written = write_file_atomically(folder_ / "file" / "below", "x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().category, ErrorCategory::kIo);
}

}  // namespace
}  // namespace hearth
