#include "api/access/api_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hearth::api {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

constexpr int64_t kNow = 1'800'000'000;

std::string added(ApiKeys& keys, const std::string& name, std::vector<Scope> scopes = {Scope::kChat}) {
  auto key = keys.add(name, std::move(scopes), kNow);
  EXPECT_TRUE(key) << key.error().message;
  return key ? *key : std::string();
}

TEST(ApiKeys, AKeyIsFoundByItsTextOnly) {
  ApiKeys keys;
  const std::string laptop = added(keys, "laptop");
  const std::string phone = added(keys, "phone", {Scope::kManage, Scope::kChat});
  EXPECT_THAT(laptop, MatchesRegex("hearth_[a-z2-7]{10}_[a-z2-7]{52}"));
  ASSERT_NE(keys.find(laptop), nullptr);
  EXPECT_EQ(keys.find(laptop)->name, "laptop");
  EXPECT_EQ(keys.find(phone)->name, "phone");
  EXPECT_TRUE(keys.find(phone)->allows(Scope::kManage));
  EXPECT_FALSE(keys.find(laptop)->allows(Scope::kManage));
  EXPECT_TRUE(keys.find(laptop)->allows(Scope::kOpen));
}

TEST(ApiKeys, NothingNearAKeyIsOne) {
  ApiKeys keys;
  const std::string key = added(keys, "laptop");
  const std::string other = added(keys, "other");
  for (size_t i = 0; i < key.size(); ++i) {
    std::string wrong = key;
    wrong[i] = wrong[i] == 'a' ? 'b' : 'a';
    EXPECT_EQ(keys.find(wrong), nullptr) << i;
    EXPECT_EQ(keys.find(key.substr(0, i)), nullptr) << i;
  }
  EXPECT_EQ(keys.find(key.substr(0, 18) + other.substr(18)), nullptr) << "one's id, the other's secret";
  EXPECT_EQ(keys.find(key + "a"), nullptr);
  EXPECT_EQ(keys.find(std::string(key.size(), '\0')), nullptr);
  EXPECT_EQ(keys.find(""), nullptr);
}

TEST(ApiKeys, WhatIsStoredHasNoSecret) {
  ApiKeys keys;
  const std::string key = added(keys, "laptop");
  const std::string text = keys.to_text();
  EXPECT_THAT(text, HasSubstr("laptop"));
  EXPECT_THAT(text, Not(HasSubstr(key.substr(18, 12)))) << "no part of the secret";
  auto again = ApiKeys::parse(text);
  ASSERT_TRUE(again) << again.error().message;
  ASSERT_NE(again->find(key), nullptr);
  EXPECT_EQ(again->find(key)->id, keys.find(key)->id);
  EXPECT_EQ(again->find(key)->created_unix_seconds, kNow);
  EXPECT_EQ(again->to_text(), text);
}

TEST(ApiKeys, Expiry) {
  ApiKeys keys;
  auto key = keys.add("guest", {Scope::kChat}, kNow, kNow + 10);
  ASSERT_TRUE(key);
  auto again = ApiKeys::parse(keys.to_text());
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->find(*key)->expired(kNow + 9));
  EXPECT_TRUE(again->find(*key)->expired(kNow + 10));
}

TEST(ApiKeys, RemovesByName) {
  ApiKeys keys;
  const std::string laptop = added(keys, "laptop");
  const std::string phone = added(keys, "phone");
  ASSERT_TRUE(keys.remove("laptop"));
  EXPECT_EQ(keys.find(laptop), nullptr);
  EXPECT_NE(keys.find(phone), nullptr);
  const Status twice = keys.remove("laptop");
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().category, ErrorCategory::kNotFound);
  EXPECT_THAT(twice.error().message, HasSubstr("there are phone"));
}

TEST(ApiKeys, ANewKeyOfAnOldNameIsAnotherOwner) {
  ApiKeys keys;
  const std::string first = keys.find(added(keys, "laptop"))->id;
  ASSERT_TRUE(keys.remove("laptop"));
  EXPECT_NE(keys.find(added(keys, "laptop"))->id, first);
}

TEST(ApiKeys, BadNamesAndRepeatedOnesAreRefused) {
  ApiKeys keys;
  added(keys, "laptop");
  for (const std::string& name : {std::string(), std::string("a b"), std::string("a\n"), std::string(65, 'a'),
                                  std::string("\xc3\xa4"), std::string("laptop")}) {
    auto key = keys.add(name, {Scope::kChat}, kNow);
    ASSERT_FALSE(key) << name;
    EXPECT_EQ(key.error().category, ErrorCategory::kInvalidArgument);
  }
  EXPECT_FALSE(keys.add("none", {}, kNow));
  EXPECT_EQ(keys.all().size(), 1u);
}

TEST(ApiKeys, DamagedFilesAreRefusedAsAWhole) {
  ApiKeys keys;
  added(keys, "laptop");
  const std::string text = keys.to_text();
  auto changed = [&](const std::string& from, const std::string& to) {
    std::string copy = text;
    copy.replace(copy.find(from), from.size(), to);
    return copy;
  };
  const std::string id = keys.all()[0].id;
  for (const std::string& bad : {
           std::string(),
           std::string("[]"),
           std::string("{}"),
           std::string(R"({"version":2,"keys":[]})"),
           std::string(R"({"version":1,"keys":{}})"),
           std::string(R"({"version":1,"keys":[1]})"),
           text.substr(0, text.size() / 2),
           changed("\"hash\": \"", "\"hash\": \"0"),
           changed("\"hash\": \"", "\"hash\": \"zz"),
           changed("\"chat\"", "\"root\""),
           changed("\"chat\"", ""),
           changed("\"laptop\"", "\"lap top\""),
           changed("\"laptop\"", "7"),
           changed(id, "../../x"),
           changed("1800000000", "-1"),
           changed("1800000000", "1e9"),
           changed("\"created\"", "\"expires\": \"never\", \"created\""),
       }) {
    auto parsed = ApiKeys::parse(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().category, ErrorCategory::kCorrupt) << bad;
  }
}

TEST(ApiKeys, TwoKeysOfOneNameOrIdAreRefused) {
  ApiKeys keys;
  added(keys, "a");
  added(keys, "b");
  std::string same_name = keys.to_text();
  same_name.replace(same_name.find("\"b\""), 3, "\"a\"");
  EXPECT_THAT(ApiKeys::parse(same_name).error().message, HasSubstr("one name"));
  std::string same_id = keys.to_text();
  same_id.replace(same_id.find(keys.all()[1].id), 10, keys.all()[0].id);
  EXPECT_THAT(ApiKeys::parse(same_id).error().message, HasSubstr("one id"));
}

}  // namespace
}  // namespace hearth::api
