#include "base/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace hearth {
namespace {

class MappedFileTest : public testing::Test {
 protected:
  std::filesystem::path path_ =
      std::filesystem::path(testing::TempDir()) / ("mapped_file_test." + std::to_string(getpid()));
  void TearDown() override { std::filesystem::remove(path_); }
  void write(size_t bytes) { std::ofstream(path_) << std::string(bytes, 'x'); }
};

TEST_F(MappedFileTest, ShowsTheFilesBytes) {
  write(10000);
  auto file = MappedFile::open(path_);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->bytes().size(), 10000u);
  EXPECT_EQ(static_cast<char>(file->bytes()[9999]), 'x');
  file->populate(0, 1 << 20);
  EXPECT_FALSE(file->damaged());
}

TEST_F(MappedFileTest, AnEmptyFileHasNoBytes) {
  write(0);
  auto file = MappedFile::open(path_);
  ASSERT_TRUE(file);
  EXPECT_TRUE(file->bytes().empty());
}

TEST_F(MappedFileTest, AMissingFileIsNotFound) {
  auto file = MappedFile::open(path_);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().category, ErrorCategory::kNotFound);
}

TEST_F(MappedFileTest, FoldersAndFifosAreRefusedWithoutWaiting) {
  EXPECT_EQ(MappedFile::open(testing::TempDir()).error().category, ErrorCategory::kInvalidArgument);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(MappedFile::open(path_).error().category, ErrorCategory::kInvalidArgument);
}

TEST_F(MappedFileTest, AFileCutShortReadsAsZerosAndIsMarked) {
  write(100000);
  auto file = MappedFile::open(path_);
  ASSERT_TRUE(file);
  std::filesystem::resize_file(path_, 5000);
  EXPECT_EQ(static_cast<char>(file->bytes()[100]), 'x');
  EXPECT_FALSE(file->damaged());
  EXPECT_EQ(static_cast<char>(file->bytes()[50000]), '\0');
  EXPECT_TRUE(file->damaged());
  EXPECT_EQ(static_cast<char>(file->bytes()[99999]), '\0');
}

}  // namespace
}  // namespace hearth
