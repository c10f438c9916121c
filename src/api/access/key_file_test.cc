#include "api/access/key_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

namespace hearth::api {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class KeyFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "hearth-keys-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ / "keys.json";
  }
  void TearDown() override { fs::remove_all(folder_); }

  // As programs replace files.
  void write(const std::string& text) const {
    std::ofstream(folder_ / "new") << text;
    chmod((folder_ / "new").c_str(), 0600);
    fs::rename(folder_ / "new", path_);
  }

  std::string problem() const {
    auto keys = read_key_file(path_);
    return keys ? "no error" : keys.error().message;
  }

  fs::path folder_, path_;
};

TEST_F(KeyFileTest, AnAbsentFileHasNoKeys) {
  auto keys = read_key_file(path_);
  ASSERT_TRUE(keys);
  EXPECT_TRUE(keys->empty());
  EXPECT_TRUE(KeyFile("").keys()->empty());
}

TEST_F(KeyFileTest, ChangesCountFromTheNextLookOn) {
  KeyFile file(path_);
  EXPECT_TRUE(file.keys()->empty());
  ApiKeys keys;
  const std::string first = *keys.add("first", {Scope::kChat}, 1);
  write(keys.to_text());
  EXPECT_NE(file.keys()->find(first), nullptr);
  const auto held = file.keys();
  EXPECT_EQ(file.keys(), held) << "not read again while nothing changes";
  ASSERT_TRUE(keys.remove("first"));
  const std::string other = *keys.add("other", {Scope::kChat}, 1);
  write(keys.to_text());
  EXPECT_EQ(file.keys()->find(first), nullptr);
  EXPECT_NE(file.keys()->find(other), nullptr);
  fs::remove(path_);
  EXPECT_TRUE(file.keys()->empty());
}

TEST_F(KeyFileTest, ADamagedFileOpensNothingAndIsReportedOnce) {
  ApiKeys keys;
  const std::string key = *keys.add("first", {Scope::kChat}, 1);
  write(keys.to_text());
  std::vector<std::string> problems;
  KeyFile file(path_, [&](const Error& error) { problems.push_back(error.message); });
  EXPECT_NE(file.keys()->find(key), nullptr);
  write("{");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(file.keys()->empty());
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_THAT(problems[0], HasSubstr(path_.string()));
  write(keys.to_text());
  EXPECT_NE(file.keys()->find(key), nullptr);
}

TEST_F(KeyFileTest, OnlyARegularFileOfOursIsRead) {
  write(ApiKeys().to_text());
  chmod(path_.c_str(), 0620);
  EXPECT_THAT(problem(), HasSubstr("chmod 600"));
  fs::rename(path_, folder_ / "elsewhere");
  fs::create_symlink(folder_ / "elsewhere", path_);
  EXPECT_THAT(problem(), HasSubstr("cannot read "));
  fs::remove(path_);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_THAT(problem(), HasSubstr("not a regular file"));
  fs::remove(path_);
  fs::create_directory(path_);
  EXPECT_THAT(problem(), HasSubstr("not a regular file"));
  fs::remove(path_);
  write(std::string((4 << 20) + 1, ' '));
  EXPECT_THAT(problem(), HasSubstr("longer than"));
}

}  // namespace
}  // namespace hearth::api
