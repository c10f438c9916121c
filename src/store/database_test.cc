#include "store/database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>

namespace hearth::store {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr std::array<const char*, 2> kSteps = {
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, words TEXT NOT NULL)",
    "INSERT INTO notes VALUES (1, 'first'); INSERT INTO notes VALUES "
    "(2, 'second')"};

class DatabaseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "hearth-store-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    file_ = folder_ / "hearth.db";
  }
  void TearDown() override { fs::remove_all(folder_); }

  static Result<std::string> words(Database& database, int64_t id) {
    HEARTH_TRY(Statement found, database.query("SELECT words FROM notes WHERE id = ?", id));
    HEARTH_TRY(const bool exists, found.step());
    return exists ? found.text(0) : "none";
  }

  fs::path folder_, file_;
};

TEST_F(DatabaseTest, KeepsWhatItIsGiven) {
  const std::string text("'); DROP TABLE notes; --\0\xc3\xa9 \"", 29);
  {
    auto database = Database::open(file_);
    ASSERT_TRUE(database) << database.error().message;
    ASSERT_TRUE(database->migrate("notes", kSteps));
    ASSERT_TRUE(database->run("INSERT INTO notes (id, words) VALUES (?, ?)", int64_t{7}, text));
    EXPECT_EQ(database->n_changed(), 1);
    ASSERT_TRUE(database->run("INSERT INTO notes (id, words) VALUES (?, ?)", int64_t{8}, std::string_view()));
  }
  auto again = Database::open(file_);
  ASSERT_TRUE(again);
  EXPECT_EQ(words(*again, 7).value(), text);
  EXPECT_EQ(words(*again, 8).value(), "");
  EXPECT_EQ(words(*again, 9).value(), "none");
}

TEST_F(DatabaseTest, OnlyItsOwnerCanReadIt) {
  auto database = Database::open(file_);
  ASSERT_TRUE(database);
  ASSERT_TRUE(database->migrate("notes", kSteps));
  for (const auto& entry : fs::directory_iterator(folder_)) {
    struct stat info {};
    ASSERT_EQ(::stat(entry.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U) << entry.path();
  }
}

TEST_F(DatabaseTest, RunsEveryStepOnce) {
  auto database = Database::open(file_);
  ASSERT_TRUE(database);
  ASSERT_TRUE(database->migrate("notes", std::span(kSteps).first(1)));
  EXPECT_EQ(words(*database, 1).value(), "none");
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(database->migrate("notes", kSteps));
  EXPECT_EQ(words(*database, 2).value(), "second");
  const auto older = database->migrate("notes", std::span(kSteps).first(1));
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().category, ErrorCategory::kUnsupported);
}

TEST_F(DatabaseTest, AStepThatFailsLeavesNothing) {
  auto database = Database::open(file_);
  ASSERT_TRUE(database);
  constexpr std::array<const char*, 2> broken = {kSteps[0], "INSERT INTO nowhere VALUES (1)"};
  EXPECT_FALSE(database->migrate("notes", broken));
  EXPECT_TRUE(database->migrate("notes", kSteps)) << "the first step was undone too";
}

TEST_F(DatabaseTest, CopiesTheFileBeforeItsTablesChange) {
  const fs::path copy = folder_ / "hearth.db.backup-notes-v1";
  {
    auto database = Database::open(file_);
    ASSERT_TRUE(database);
    EXPECT_EQ(database->migrate("notes", std::span(kSteps).first(1))->backup, "") << "there was nothing";
    ASSERT_TRUE(database->run("INSERT INTO notes VALUES (5, 'old')"));
    constexpr std::array<const char*, 1> others = {"CREATE TABLE others (id INTEGER PRIMARY KEY)"};
    EXPECT_EQ(database->migrate("others", others)->backup, "") << "only adds tables";
  }
  auto database = Database::open(file_);
  ASSERT_TRUE(database);
  const auto migration = database->migrate("notes", kSteps);
  ASSERT_TRUE(migration) << migration.error().message;
  EXPECT_EQ(migration->from, 1U);
  EXPECT_EQ(migration->to, 2U);
  EXPECT_EQ(migration->backup, copy);
  EXPECT_EQ(database->migrate("notes", kSteps)->backup, "") << "once";
  for (const auto& entry : fs::directory_iterator(folder_)) {
    EXPECT_THAT(entry.path().string(), ::testing::Not(HasSubstr(".part")));
  }

  auto old = Database::open(copy);
  ASSERT_TRUE(old);
  EXPECT_TRUE(old->migrate("notes", std::span(kSteps).first(1))) << "the old program can go on with it";
  EXPECT_EQ(words(*old, 5).value(), "old");
  EXPECT_EQ(words(*old, 1).value(), "none");
  struct stat info {};
  ASSERT_EQ(::stat(copy.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(DatabaseTest, WithoutACopyNothingChanges) {
  auto database = Database::open(file_);
  ASSERT_TRUE(database);
  ASSERT_TRUE(database->migrate("notes", std::span(kSteps).first(1)));
  fs::create_directories(folder_ / "hearth.db.backup-notes-v1.part" / "in the way");
  const auto refused = database->migrate("notes", kSteps);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().category, ErrorCategory::kIo);
  EXPECT_THAT(refused.error().message, HasSubstr("nothing was changed"));
  EXPECT_EQ(words(*database, 1).value(), "none");
  fs::remove_all(folder_ / "hearth.db.backup-notes-v1.part");
  EXPECT_TRUE(database->migrate("notes", kSteps));
  EXPECT_EQ(words(*database, 1).value(), "first");
}

TEST_F(DatabaseTest, ATransactionIsAllOrNothing) {
  auto database = Database::open(file_);
  ASSERT_TRUE(database);
  ASSERT_TRUE(database->migrate("notes", kSteps));
  {
    auto transaction = Transaction::begin(*database);
    ASSERT_TRUE(transaction);
    ASSERT_TRUE(database->run("DELETE FROM notes"));
  }
  EXPECT_EQ(words(*database, 1).value(), "first");
  {
    auto transaction = Transaction::begin(*database);
    ASSERT_TRUE(transaction);
    ASSERT_TRUE(database->run("DELETE FROM notes"));
    ASSERT_TRUE(transaction->commit());
  }
  EXPECT_EQ(words(*database, 1).value(), "none");
}

TEST_F(DatabaseTest, ReadersAndAWriterShareTheFile) {
  auto one = Database::open(file_);
  auto other = Database::open(file_);
  ASSERT_TRUE(one && other);
  ASSERT_TRUE(one->migrate("notes", kSteps));
  auto transaction = Transaction::begin(*one);
  ASSERT_TRUE(transaction);
  ASSERT_TRUE(one->run("UPDATE notes SET words = 'changed'"));
  EXPECT_EQ(words(*other, 1).value(), "first");
  ASSERT_TRUE(transaction->commit());
  EXPECT_EQ(words(*other, 1).value(), "changed");
}

TEST_F(DatabaseTest, SaysWhatIsWrong) {
  const auto nowhere = Database::open(folder_ / "missing" / "hearth.db");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().category, ErrorCategory::kIo);
  EXPECT_THAT(nowhere.error().message, HasSubstr("missing/hearth.db"));

  std::ofstream(file_) << std::string(4096, 'x');
  const auto damaged = Database::open(file_);
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().category, ErrorCategory::kCorrupt);
  EXPECT_THAT(damaged.error().message, HasSubstr("hearth.db"));

  auto database = Database::open(folder_ / "other.db");
  ASSERT_TRUE(database);
  EXPECT_EQ(database->run("SELECT nonsense").error().category, ErrorCategory::kInternal);
}

}  // namespace
}  // namespace hearth::store
