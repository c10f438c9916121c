#include "engine/prefix_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <future>

namespace hearth::engine {
namespace {

namespace fs = std::filesystem;

StoredBlock block(uint8_t number, int kind = 0) {
  StoredBlock block{.kind = kind};
  block.text.fill(std::byte{number});
  return block;
}

std::vector<std::byte> content(uint8_t value, size_t n = 1000) {
  return std::vector<std::byte>(n, std::byte{value});
}

class PrefixStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / fmt::format("hearth-prefixes-{}", getpid()) / "prefixes";
    open();
  }
  void TearDown() override {
    store_.reset();
    fs::remove_all(folder_.parent_path());
  }

  void open(uint64_t max_bytes = 1 << 20, uint64_t min_free_bytes = 0) {
    store_.reset();
    auto store =
        PrefixStore::open({.folder = folder_, .max_bytes = max_bytes, .min_free_bytes = min_free_bytes});
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
  }

  void write(const StoredBlock& block, const std::vector<std::byte>& content,
             const std::optional<StoredBlock>& parent = {}) {
    std::promise<void> done;
    store_->write(block, parent, content, [&] { done.set_value(); });
    done.get_future().get();
  }

  // What is read; empty when it is not good.
  std::vector<std::byte> read(const StoredBlock& block, size_t n = 1000) {
    std::vector<std::byte> into(n);
    std::promise<bool> good;
    store_->read({{block, into}},
                 [&](std::vector<PrefixStore::Read> reads) { good.set_value(reads[0].good); });
    return good.get_future().get() ? into : std::vector<std::byte>();
  }

  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder_)) found.push_back(entry.path());
    return found;
  }

  fs::path folder_;
  std::shared_ptr<PrefixStore> store_;
};

TEST_F(PrefixStoreTest, GivesBackWhatWasWrittenAlsoLater) {
  EXPECT_FALSE(store_->contains(block(1)));
  write(block(1), content(1));
  write(block(1, 1), content(2));
  write(block(2), content(3));
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(store_->contains(block(1)));
    EXPECT_EQ(read(block(1)), content(1));
    EXPECT_EQ(read(block(1, 1)), content(2));
    EXPECT_EQ(read(block(2)), content(3));
    EXPECT_FALSE(store_->contains(block(2, 1)));
    open();
  }
  EXPECT_EQ(store_->stats().n_blocks, 3);
}

TEST_F(PrefixStoreTest, OnlyTheOwnerCanRead) {
  write(block(1), content(1));
  struct stat info = {};
  ASSERT_EQ(stat(files().at(0).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(stat(folder_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST_F(PrefixStoreTest, WhatIsDamagedIsRemoved) {
  const auto damage = [&](const std::function<void(std::string&)>& change) {
    write(block(1), content(1));
    const fs::path path = files().at(0);
    std::string bytes;
    {
      std::ifstream in(path, std::ios::binary);
      bytes.assign(std::istreambuf_iterator<char>(in), {});
    }
    change(bytes);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    open();
    EXPECT_TRUE(store_->contains(block(1)));
    EXPECT_TRUE(read(block(1)).empty());
    EXPECT_FALSE(store_->contains(block(1)));
    EXPECT_EQ(files().size(), 0u);
    EXPECT_EQ(store_->stats().n_damaged, 1);
    EXPECT_EQ(store_->stats().bytes, 0u);
  };
  damage([](std::string& bytes) { bytes.back() ^= 1; });
  damage([](std::string& bytes) { bytes.pop_back(); });
  damage([](std::string& bytes) { bytes.clear(); });
  damage([](std::string& bytes) { bytes.resize(50); });
  for (const size_t at : {0, 8, 16, 24, 56}) damage([&](std::string& bytes) { bytes[at] ^= 1; });
  write(block(1), content(1));
  EXPECT_TRUE(read(block(1), 999).empty());  // of another size than is wanted
}

TEST_F(PrefixStoreTest, OtherPeoplesFilesAreLeftAlone) {
  const std::string unfinished = std::string(64, 'a') + ".1.kv.unfinished";
  for (const std::string& name : {std::string("notes.txt"), std::string(64, 'g') + "-0.kv",
                                  std::string("ab-0.kv"), std::string(64, 'a') + "-0.kv.txt", unfinished}) {
    std::ofstream(folder_ / name) << "x";
  }
  const fs::path outside = folder_.parent_path() / "outside";
  std::ofstream(outside) << "x";
  fs::create_symlink(outside, folder_ / (std::string(64, 'b') + "-0.kv"));
  open();
  EXPECT_EQ(store_->stats().n_blocks, 0);
  EXPECT_EQ(files().size(), 5u);
  EXPECT_FALSE(fs::exists(folder_ / unfinished));
  EXPECT_TRUE(fs::exists(outside));
}

TEST_F(PrefixStoreTest, StaysBelowItsSizeByTheOldest) {
  open(5000);
  for (uint8_t i = 1; i <= 4; ++i) write(block(i), content(i));
  const StoredBlock used[] = {block(1)};
  store_->touch(used);
  write(block(5), content(5));
  EXPECT_TRUE(store_->contains(block(1)));
  EXPECT_FALSE(store_->contains(block(2)));
  EXPECT_TRUE(store_->contains(block(5)));
  EXPECT_LE(store_->stats().bytes, 5000u);
  EXPECT_EQ(files().size(), 4u);
  write(block(6), content(6, 6000));  // never fits, and nothing goes for it
  EXPECT_EQ(files().size(), 4u);
  open(2500);
  write(block(7), content(7));
  EXPECT_EQ(files().size(), 2u);
}

TEST_F(PrefixStoreTest, TheEndOfATextGoesBeforeItsBeginning) {
  open(5000);
  write(block(1), content(1));
  for (uint8_t i = 2; i <= 6; ++i) write(block(i), content(i), block(static_cast<uint8_t>(i - 1)));
  for (uint8_t i = 1; i <= 4; ++i) EXPECT_TRUE(store_->contains(block(i)));
  write(block(9), content(9));  // another text
  for (uint8_t i = 1; i <= 3; ++i) EXPECT_TRUE(store_->contains(block(i)));
  EXPECT_TRUE(store_->contains(block(9)));
}

TEST_F(PrefixStoreTest, LeavesRoomOnTheVolume) {
  open(1 << 20, uint64_t{1} << 60);
  write(block(1), content(1));
  EXPECT_FALSE(store_->contains(block(1)));
  EXPECT_EQ(files().size(), 0u);
}

TEST_F(PrefixStoreTest, AFolderThatCannotBeMadeIsAnError) {
  std::ofstream(folder_.parent_path() / "file") << "x";
  const auto store = PrefixStore::open({.folder = folder_.parent_path() / "file" / "prefixes"});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().category, ErrorCategory::kIo);
}

}  // namespace
}  // namespace hearth::engine
