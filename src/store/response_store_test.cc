#include "store/response_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace hearth::store {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class ResponseStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "hearth-store-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    open();
  }
  void TearDown() override { fs::remove_all(folder_); }

  void open(int64_t max_bytes = 1'000'000, int64_t max_history_bytes = 1'000'000) {
    store_.reset();
    auto opened = ResponseStore::open(folder_ / "hearth.db", {.keep_seconds = 100,
                                                              .max_bytes = max_bytes,
                                                              .max_history_bytes = max_history_bytes,
                                                              .now_unix_seconds = [this] { return now_; }});
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }

  // One question ("q-ID") and one answer ("a-ID").
  static StoredResponse turn(const std::string& id, const std::string& previous = "",
                             const std::string& owner = "ada") {
    return {.id = id,
            .owner = owner,
            .previous_id = previous,
            .json = "{}",
            .input = {{"in_" + id, "q-" + id}},
            .output = {{"out_" + id, "a-" + id}}};
  }

  std::vector<std::string> history(const std::string& id, const std::string& owner = "ada") {
    auto items = store_->history(owner, id);
    if (!items) return {items.error().message};
    std::vector<std::string> texts;
    for (StoredItem& item : *items) texts.push_back(std::move(item.json));
    return texts;
  }

  ErrorCategory get_error(const std::string& owner, const std::string& id) {
    const auto found = store_->get(owner, id);
    EXPECT_FALSE(found);
    return found ? ErrorCategory::kInternal : found.error().category;
  }

  fs::path folder_;
  int64_t now_ = 1'000'000;
  std::unique_ptr<ResponseStore> store_;
};

TEST_F(ResponseStoreTest, GivesBackWhatItWasGiven) {
  StoredResponse sent = turn("r2", "r1");
  sent.json = "{\"id\": \"r2\"}";
  sent.input.push_back({"", "no id"});
  ASSERT_TRUE(store_->put(sent));
  open();
  const auto found = store_->get("ada", "r2");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->json, sent.json);
  EXPECT_EQ(found->previous_id, "r1");
  ASSERT_EQ(found->input.size(), 2U);
  EXPECT_EQ(found->input[0].id, "in_r2");
  EXPECT_EQ(found->input[1].json, "no id");
  ASSERT_EQ(found->output.size(), 1U);
  EXPECT_EQ(found->output[0].json, "a-r2");
  EXPECT_FALSE(store_->put(sent)) << "an id is used once";
}

TEST_F(ResponseStoreTest, AHistoryIsTheWholeConversation) {
  ASSERT_TRUE(store_->put(turn("r1")));
  ASSERT_TRUE(store_->put(turn("r2", "r1")));
  ASSERT_TRUE(store_->put(turn("r3", "r2")));
  ASSERT_TRUE(store_->put(turn("other", "r1")));
  EXPECT_THAT(history("r3"), ElementsAre("q-r1", "a-r1", "q-r2", "a-r2", "q-r3", "a-r3"));
  EXPECT_THAT(history("other"), ElementsAre("q-r1", "a-r1", "q-other", "a-other"));
  open(1'000'000, 20);
  EXPECT_EQ(store_->history("ada", "r3").error().category, ErrorCategory::kInvalidArgument);
}

TEST_F(ResponseStoreTest, AnotherOwnerSeesNothing) {
  ASSERT_TRUE(store_->put(turn("r1")));
  ASSERT_TRUE(store_->put(turn("r2", "r1", "eve")));
  EXPECT_EQ(get_error("eve", "r1"), ErrorCategory::kNotFound);
  EXPECT_THAT(history("r2", "eve"), ElementsAre("response \"r1\" is not stored here"));
  EXPECT_FALSE(store_->item("eve", "in_r1"));
  EXPECT_FALSE(store_->remove("eve", "r1"));
  EXPECT_TRUE(store_->get("ada", "r1"));
}

TEST_F(ResponseStoreTest, ItemsAreFoundByTheirId) {
  ASSERT_TRUE(store_->put(turn("r1")));
  EXPECT_EQ(store_->item("ada", "out_r1").value().json, "a-r1");
  EXPECT_EQ(store_->item("ada", "out_r2").error().category, ErrorCategory::kNotFound);
}

TEST_F(ResponseStoreTest, WhatIsRemovedIsGone) {
  ASSERT_TRUE(store_->put(turn("r1")));
  ASSERT_TRUE(store_->put(turn("r2", "r1")));
  ASSERT_TRUE(store_->remove("ada", "r1"));
  EXPECT_EQ(get_error("ada", "r1"), ErrorCategory::kNotFound);
  EXPECT_FALSE(store_->item("ada", "in_r1"));
  EXPECT_FALSE(store_->remove("ada", "r1"));
  EXPECT_THAT(history("r2"), ElementsAre("response \"r1\" is not stored here"));
}

TEST_F(ResponseStoreTest, WhatNobodyUsesIsForgotten) {
  ASSERT_TRUE(store_->put(turn("r1")));
  ASSERT_TRUE(store_->put(turn("r2", "r1")));
  ASSERT_TRUE(store_->put(turn("idle")));
  now_ += 60;
  EXPECT_EQ(history("r2").size(), 4U) << "going on from r2 uses r1 too";
  now_ += 60;
  EXPECT_EQ(get_error("ada", "idle"), ErrorCategory::kNotFound);
  EXPECT_EQ(history("r2").size(), 4U);
  ASSERT_TRUE(store_->put(turn("r3")));
  now_ -= 60;
  EXPECT_EQ(get_error("ada", "idle"), ErrorCategory::kNotFound) << "its row is gone too";
}

TEST_F(ResponseStoreTest, TheOldestMakeRoomForTheNewest) {
  open(30);  // three turns of 10 bytes
  for (const char* id : {"r1", "r2", "r3"}) {
    ASSERT_TRUE(store_->put(turn(id)));
    ++now_;
  }
  ASSERT_TRUE(store_->get("ada", "r1"));
  ++now_;
  ASSERT_TRUE(store_->put(turn("r4")));
  EXPECT_EQ(get_error("ada", "r2"), ErrorCategory::kNotFound);
  for (const char* id : {"r1", "r3", "r4"}) EXPECT_TRUE(store_->get("ada", id)) << id;
  StoredResponse large = turn("large");
  large.json = std::string(30, ' ');
  EXPECT_EQ(store_->put(large).error().category, ErrorCategory::kInvalidArgument);
  EXPECT_TRUE(store_->get("ada", "r4"));
}

TEST_F(ResponseStoreTest, TwoProgramsMayShareTheFile) {
  auto other = ResponseStore::open(folder_ / "hearth.db");
  ASSERT_TRUE(other);
  ASSERT_TRUE((*other)->put(turn("r9")));
  (*other).reset();
  now_ = int64_t{1} << 33;  // the other one went by the real clock
  EXPECT_EQ(get_error("ada", "r9"), ErrorCategory::kNotFound);
  ASSERT_TRUE(store_->put(turn("r1")));
  EXPECT_TRUE(store_->get("ada", "r1"));
}

}  // namespace
}  // namespace hearth::store
